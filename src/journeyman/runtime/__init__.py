"""The machine: pure fold and decide, and the loop that does what was decided."""
