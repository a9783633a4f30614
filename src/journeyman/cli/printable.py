"""Text from models and tools, made harmless for a terminal."""

import re

# Escape sequences could rewrite what a person is asked to approve; so could marks that turn the direction of text.
_DANGEROUS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Control characters other than newline and tab as escapes; line ends as newlines."""
    return _DANGEROUS.sub(lambda match: match[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n"))


def abridged(text: str, head: int, tail: int) -> str:
    """The first and the last lines, and how many there are between."""
    lines = text.rstrip("\n").split("\n")
    hidden = len(lines) - head - tail
    if hidden <= 1:
        return "\n".join(lines)
    return "\n".join([*lines[:head], f"… {hidden} more lines …", *lines[len(lines) - tail :]])
