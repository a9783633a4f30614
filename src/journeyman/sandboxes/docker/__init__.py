"""Sandboxes that are containers of an engine on this machine."""

from journeyman.sandboxes.docker.provider import BASE, DockerSandboxes

__all__ = ["BASE", "DockerSandboxes"]
