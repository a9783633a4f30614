"""Images by their headers."""

import struct

import pytest

from journeyman.tools.media import Media, recognise

JPEG = (
    b"\xff\xd8"
    + b"\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    + b"\xff\xc4\x00\x05\1\2\3"
    + b"\xff\xff\xc2\x00\x11\x08"
    + struct.pack(">HH", 600, 800)
    + b"\3" * 10
)
WEBP = b"RIFF\0\0\0\0WEBP"


@pytest.mark.parametrize(
    ("head", "media"),
    [
        (b"%PDF-1.7\n", Media("application/pdf")),
        (b"GIF89a" + struct.pack("<HH", 20, 10), Media("image/gif", 20, 10)),
        (JPEG, Media("image/jpeg", 800, 600)),
        (WEBP + b"VP8X\x0a\0\0\0\0\0\0\0\x1f\3\0\x57\2\0", Media("image/webp", 800, 600)),
        (WEBP + b"VP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 800, 600), Media("image/webp", 800, 600)),
        (WEBP + b"VP8L\0\0\0\0\x2f" + struct.pack("<I", 799 | 599 << 14), Media("image/webp", 800, 600)),
        (b"\x89PNG\r\n\x1a\n", Media("image/png")),
        (JPEG[:30], Media("image/jpeg")),
        (b"BM6\0", None),
        (b"", None),
        (b"RIFF\0\0\0\0WAVE", None),
    ],
)
def test_type_and_size_come_from_the_header(head: bytes, media: Media | None) -> None:
    assert recognise(head) == media
