"""The `allowed_hosts` of limited networking: bare hostnames, or a wildcard for all subdomains of one."""

import re
from collections.abc import Sequence

from journeyman.wire.domains import is_registry_suffix
from journeyman.wire.errors import invalid
from journeyman.wire.parse_error import quote

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_BARE = 'Entries must be bare hostnames like "google.com".'


def check_hosts(hosts: Sequence[str]) -> None:
    """Raise ApiError for the first entry that is not a hostname or `*.` and one; an empty list is fine."""
    for host in hosts:
        problem = host_problem(host)
        if problem is not None:
            raise invalid(f"`allowed_hosts` entry {quote(host)} {problem}")


def host_problem(host: str) -> str | None:
    """What is wrong with one entry, or None."""
    if "://" in host:
        return f"contains a URL scheme. {_BARE}"
    if "/" in host:
        return f"contains a path. {_BARE}"
    if ":" in host:
        return "contains a port. Entries must be bare hostnames without ports."
    return _name_problem(host)


def _name_problem(host: str) -> str | None:
    name = host.removeprefix("*.")
    if "*" in name:
        return 'contains a misplaced wildcard. Only a leading "*." is supported, as in "*.example.com".'
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        return f"is not a valid hostname. {_BARE}"
    if name != host and is_registry_suffix(name.lower()):
        return 'is too broad. A wildcard needs a registered domain, as in "*.example.com".'
    return None
