"""Images and PDFs by their first bytes, and whether a model can take them."""

import struct
from typing import NamedTuple


class Media(NamedTuple):
    type: str
    width: int = 0
    height: int = 0
    """Pixels; 0 when the header does not say (or it is no image)."""


def recognise(head: bytes) -> Media | None:
    """What a file beginning with `head` is, if it is a PDF or an image that models take."""
    if head.startswith(b"%PDF-"):
        return Media("application/pdf")
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Media("image/png", *_ints(">II", head, 16))
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Media("image/gif", *_ints("<HH", head, 6))
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Media("image/webp", *_webp(head))
    if head.startswith(b"\xff\xd8\xff"):
        return Media("image/jpeg", *_jpeg(head))
    return None


def _ints(layout: str, data: bytes, offset: int) -> tuple[int, int]:
    if len(data) < offset + struct.calcsize(layout):
        return 0, 0
    first, second = struct.unpack_from(layout, data, offset)
    return int(first), int(second)


def _webp(head: bytes) -> tuple[int, int]:
    match head[12:16]:
        case b"VP8X" if len(head) >= 30:
            return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
        case b"VP8L" if len(head) >= 25:
            bits = int.from_bytes(head[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = _ints("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return 0, 0


def _jpeg(head: bytes) -> tuple[int, int]:
    """The size is in the frame header, which stands after any number of other segments."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = _ints(">HH", head, at + 5)
            return width, height
        at += 1 if marker == 0xFF else 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return 0, 0
