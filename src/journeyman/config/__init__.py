"""Configuration: `journeyman.toml` and JOURNEYMAN_* variables."""

from journeyman.config.sections import SandboxSection, ServerSection
from journeyman.config.settings import Settings, UnknownVariable, load_settings, setting_names

__all__ = ["SandboxSection", "ServerSection", "Settings", "UnknownVariable", "load_settings", "setting_names"]
