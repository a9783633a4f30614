"""Sandboxes on this machine, through an OCI runtime."""

from journeyman.sandboxes.local.ground import HOST
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.provider import LocalSandboxes

__all__ = ["HOST", "Limits", "LocalSandboxes"]
