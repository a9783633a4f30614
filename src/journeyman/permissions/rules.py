"""What is beyond doubt of a call, without asking anybody. Pure; everything else is undecided."""

import posixpath
from collections.abc import Mapping
from typing import Any, Literal

from journeyman.permissions.commands import parse
from journeyman.permissions.dangers import is_dangerous
from journeyman.permissions.network import is_metadata_url
from journeyman.permissions.places import is_own
from journeyman.permissions.reading import only_reads

_MOST = 10_000
"""Characters of a command that is looked into."""


def beyond_doubt(tool: str, given: Mapping[str, Any]) -> Literal["allow", "deny"] | None:
    """Plainly safe, plainly dangerous, or None. `tool` is a built-in one: of others nothing is known."""
    match tool, given:
        case "bash", {"command": str(command)} if len(command) <= _MOST:
            return _of_command(command, plain=given.keys() <= {"command", "timeout_ms"})
        case "read", {"file_path": str(path), **rest} if rest.keys() <= {"view_range"}:
            return "allow" if is_own(path) else None
        case "glob", {"pattern": str(pattern), **rest} if rest.keys() <= {"path"}:
            return "allow" if _is_search(rest.get("path"), pattern) else None
        case "grep", {"pattern": str(), **rest} if rest.keys() <= {"path", "glob", "context", "head_limit"}:
            return "allow" if _is_search(rest.get("path"), rest.get("glob")) else None
        case "web_fetch", {"url": str(url)}:
            return "deny" if is_metadata_url(url) else None
        case _:
            return None


def _of_command(command: str, *, plain: bool) -> Literal["allow", "deny"] | None:
    try:
        script = parse(command)
        if is_dangerous(script) or ("IFS" in command and is_dangerous(parse(_spaced(command)))):
            return "deny"
    except RecursionError:
        return None
    return "allow" if plain and only_reads(script) else None


def _spaced(command: str) -> str:
    """With blanks for the variable that holds them."""
    return command.replace("${IFS}", " ").replace("$IFS$9", " ").replace("$IFS", " ")


def _is_search(path: object, pattern: object) -> bool:
    """A search beneath a directory of the session's own."""
    if not isinstance(path, str | None) or not isinstance(pattern, str | None):
        return False
    start = posixpath.join("/workspace", path or "")
    return is_own(path or ".") and (pattern is None or is_own(pattern, start=start))
