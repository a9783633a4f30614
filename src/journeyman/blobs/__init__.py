"""Bytes by key: files, and what sandboxes are kept as for other machines."""
