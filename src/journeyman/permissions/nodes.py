"""Walking a parsed script."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node


def text_of(node: "Node") -> str:
    return (node.text or b"").decode("utf-8", "replace")


def everything(node: "Node") -> Iterator["Node"]:
    """Itself and all in it, in order."""
    open_nodes = [node]
    while open_nodes:
        node = open_nodes.pop()
        yield node
        open_nodes += reversed(node.children)
