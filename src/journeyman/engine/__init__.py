"""Who runs a woken session."""
