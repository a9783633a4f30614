"""Domain lists of the web tools, and the environment's hosts. Pure."""

from collections.abc import Sequence
from typing import Any


def covers(entry: str, host: str, path: str = "/") -> bool:
    """Whether a listed domain is `host` or a parent of it; an entry's path suffix must begin the path."""
    domain, _, prefix = entry.lower().removesuffix("/").partition("/")
    if host != domain and not host.endswith("." + domain):
        return False
    return path.lower().startswith("/" + prefix.rstrip("*"))


def host_allowed(pattern: str, host: str) -> bool:
    """Whether an environment's `allowed_hosts` entry means `host`; `*.` means subdomains and not the apex."""
    pattern = pattern.lower()
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def permitted(host: str, path: str, config: dict[str, Any], networking: dict[str, Any]) -> bool:
    """Whether both the tool's lists and the environment let it reach `host`."""
    host = host.lower().rstrip(".")
    return environment_permits(host, networking) and _lists_permit(host, path, config)


def environment_permits(host: str, networking: dict[str, Any]) -> bool:
    hosts = environment_hosts(networking)
    return hosts is None or any(host_allowed(pattern, host) for pattern in hosts)


def environment_hosts(networking: dict[str, Any]) -> list[str] | None:
    """The hosts of a `limited` environment; None when it does not limit."""
    if networking.get("type") != "limited":
        return None
    return list(networking.get("allowed_hosts") or [])


def _lists_permit(host: str, path: str, config: dict[str, Any]) -> bool:
    allowed: Sequence[str] | None = config.get("allowed_domains")
    blocked: Sequence[str] = config.get("blocked_domains") or []
    if allowed is not None and not any(covers(entry, host, path) for entry in allowed):
        return False
    return not any(covers(entry, host, path) for entry in blocked)


def narrowed(own: dict[str, Any], caller: dict[str, Any]) -> dict[str, Any]:
    """A called agent's config entry, bound by its caller's lists too; an empty allow list permits nothing."""
    return {
        **own,
        "allowed_domains": _common(own.get("allowed_domains"), caller.get("allowed_domains")),
        "blocked_domains": _union(own.get("blocked_domains"), caller.get("blocked_domains")),
        **{
            key: own.get(key) if own.get(key) is not None else caller.get(key)
            for key in ("max_content_tokens", "user_location")
            if key in own or key in caller
        },
    }


def _common(first: Sequence[str] | None, second: Sequence[str] | None) -> list[str] | None:
    """The domains that both lists cover; None is no restriction."""
    if first is None or second is None:
        return None if first is second else list(first or second or [])
    pairs = [(a, b) for a in first for b in second]
    return list(dict.fromkeys([a for a, b in pairs if _within(a, b)] + [b for a, b in pairs if _within(b, a)]))


def _within(inner: str, outer: str) -> bool:
    host, _, path = inner.lower().partition("/")
    return covers(outer, host, "/" + path)


def _union(first: Sequence[str] | None, second: Sequence[str] | None) -> list[str] | None:
    return list(dict.fromkeys([*(first or []), *(second or [])])) or None
