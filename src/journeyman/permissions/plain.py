"""Whether a script is so simple that the parser cannot have read it otherwise than the shell does."""

import re
from typing import TYPE_CHECKING

from journeyman.permissions.nodes import everything, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_STRUCTURE = frozenset(
    {
        "program", "list", "pipeline", "command", "command_name", "redirected_statement", "file_redirect",
        "concatenation", "string",
    }
)  # fmt: skip
_SEPARATORS = frozenset({";", "&&", "||", "|", '"', "[", "]", ">", ">&", "&>", ">>"})
_LEAVES = {
    "word": re.compile(r"[A-Za-z0-9_./:=@%+,^~*?\[\]-]+"),
    "number": re.compile(r"-?[0-9]+"),
    "file_descriptor": re.compile(r"[12]"),
    "string_content": re.compile(r"(?:[^\\$`\"!]|\\[^\\$`\"!\n])*"),
    "raw_string": re.compile(r"'[^']*'"),
}
_VISIBLE = re.compile(r"[\n\t\x20-\x7e\xa1-\xac\xae-\u024f]*")
"""No control characters, no invisible ones, no alphabet that has look-alikes of ours."""


def is_plain(root: "Node", source: bytes) -> bool:
    """Every character is in a leaf of a known kind, or is a blank between two of them."""
    if not _VISIBLE.fullmatch(source.decode()):
        return False
    place = 0
    for node in everything(root):
        if node.child_count:
            if node.type not in _STRUCTURE or (node.type == "file_redirect" and node.named_child_count > 2):
                return False
        elif _is_known(node, source) and _is_blank(source[place : node.start_byte], node):
            place = node.end_byte
        else:
            return False
    return not source[place:].strip(b" \t\n")


def _is_known(leaf: "Node", source: bytes) -> bool:
    if leaf.type == "comment":
        return not source[source.rfind(b"\n", 0, leaf.start_byte) + 1 : leaf.start_byte].strip()
    pattern = _LEAVES.get(leaf.type)
    return leaf.type in _SEPARATORS or (pattern is not None and pattern.fullmatch(text_of(leaf)) is not None)


def _is_blank(gap: bytes, leaf: "Node") -> bool:
    """A line ends only where a command does."""
    return not gap.strip(b" \t\n") and (b"\n" not in gap or not _is_inside(leaf))


def _is_inside(leaf: "Node") -> bool:
    """Whether it stands in the middle of a command."""
    node = leaf
    while node.parent is not None:
        if node.parent.type in ("command", "redirected_statement") and node.start_byte > node.parent.start_byte:
            return True
        node = node.parent
    return False
