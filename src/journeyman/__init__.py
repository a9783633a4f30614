"""Journeyman: a self-hosted server for managed agents."""

__version__ = "0.1.0"
