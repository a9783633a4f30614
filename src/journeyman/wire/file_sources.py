"""Content that names a file by its id."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from journeyman.wire.errors import invalid

_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_MOST = {"image": 5 << 20, "document": 32 << 20}


class FileNamed(NamedTuple):
    """A block whose source is a file."""

    path: str
    """In the request."""
    kind: str
    """image or document."""
    file_id: str


def named_in(path: str, contents: Sequence[Mapping[str, Any]]) -> Iterator[FileNamed]:
    """Those in the events of a request; `path` is where they are."""
    for position, event in enumerate(contents):
        for place, block in enumerate(event.get("content") or []):
            source = block.get("source")
            if block["type"] in _MOST and source["type"] == "file":
                yield FileNamed(f"{path}.{position}.content.{place}", block["type"], source["file_id"])


def check_source(named: FileNamed, mime_type: str, size: int) -> None:
    """Raise ApiError for a file that cannot be such content."""
    fits = mime_type in _IMAGES if named.kind == "image" else mime_type == "application/pdf" or mime_type[:5] == "text/"
    if not fits:
        kinds = ", ".join(_IMAGES) if named.kind == "image" else "application/pdf and text"
        raise invalid(f"{named.path}.source.file_id: a file of type {mime_type} is no {named.kind}; those are {kinds}")
    if size > _MOST[named.kind]:
        raise invalid(f"{named.path}.source.file_id: the file is larger than {_MOST[named.kind] >> 20} MB")
