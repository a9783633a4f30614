from cli.conftest import home

__all__ = ["home"]
