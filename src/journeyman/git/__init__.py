"""Repositories, fetched on the platform's side."""
