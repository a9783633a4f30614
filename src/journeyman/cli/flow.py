"""Text that arrives in pieces, broken between words."""

import re

from rich.cells import cell_len

_PIECES = re.compile(r"\n|[^\S\n]+|\S+")


class Flow:
    """Gives back what can be written already: a word is held until it is known to be whole. Width 0: no breaks."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._column = 0
        self._held = ""

    def add(self, text: str) -> str:
        *pieces, last = _PIECES.findall(self._held + text) or [""]
        # Only what follows tells whether a word has ended.
        self._held = last if last.strip() else ""
        return "".join(self._place(piece) for piece in (pieces if self._held else [*pieces, last]))

    def end(self) -> str:
        """What was held, and the end of the line when one is begun."""
        rest = self._place(self._held)
        closed = rest if self._column == 0 else f"{rest}\n"
        self._held, self._column = "", 0
        return closed

    def _place(self, piece: str) -> str:
        if piece == "\n":
            self._column = 0
            return piece
        length = cell_len(piece)
        breaks = bool(self._width and piece.strip() and self._column and self._column + length > self._width)
        self._column = length if breaks else self._column + length
        return f"\n{piece}" if breaks else piece
