"""Glob patterns as regular expressions, for sandboxes without ripgrep."""

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"\*\*/|\*\*|\[[!^]?\]?[^\]]*\]|\\.|.", re.DOTALL)
_PLAIN = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:"}
_IN_BRACES = {"}": ")", ",": "|"}


def compiled(pattern: str) -> re.Pattern[str] | None:
    """A matcher for whole relative paths with ripgrep's meaning; None when the pattern is malformed."""
    body = pattern.removeprefix("/")
    floating = "/" not in pattern
    try:
        return re.compile(("(?:.*/)?" if floating else "") + "".join(_translated(body)), re.DOTALL)
    except re.error:
        return None


def _translated(pattern: str) -> Iterator[str]:
    depth = 0
    for token in _TOKEN.findall(pattern):
        if depth and token in _IN_BRACES:
            yield _IN_BRACES[token]
        elif token in _PLAIN:
            yield _PLAIN[token]
        elif token == "[":
            raise re.error("unclosed character class")
        elif token.startswith("["):
            yield _class(token)
        else:
            yield re.escape(token.removeprefix("\\") or token)
        depth += (token == "{") - (token == "}" and depth > 0)


def _class(token: str) -> str:
    """A bracket expression; a closing bracket right after the opening is a member."""
    members = token[1:-1]
    negated = members.startswith(("!", "^"))
    members = re.sub(r"([\\\[\]^])", r"\\\1", members[negated:])
    return f"[{'^/' if negated else ''}{members}]"
