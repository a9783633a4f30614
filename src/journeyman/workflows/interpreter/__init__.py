"""What runs in the interpreter's own process. It uses the standard library and nothing else."""
