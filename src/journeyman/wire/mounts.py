"""Where a session's files are put in its sandbox."""

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from journeyman.wire import repositories
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.ids import is_id
from journeyman.wire.lists import Query, files_page, text_of
from journeyman.wire.resources import FileResource
from journeyman.wire.strict import parse

ROOT = "/mnt/session/uploads"
MOST_FILES = 500
_ADD: TypeAdapter[FileResource] = TypeAdapter(FileResource)
_SHOWN_OF_STORES = (
    "type", "memory_store_id", "access", "name", "description", "instructions", "mount_path",
)  # fmt: skip
_SHOWN = ("id", "type", "file_id", "mount_path", "created_at", "updated_at")


def parse_add(body: bytes) -> FileResource:
    """Body of a resource's add. Raises ApiError."""
    return parse(_ADD, body)


def resource_list(query: Query) -> tuple[int | None, str | None]:
    """How many (None: all), and the id behind which to go on. Raises ApiError."""
    limit = files_page(query)[0] if text_of(query, "limit") else None
    page = text_of(query, "page")
    if page is None:
        return limit, None
    if not page.startswith("page_") or not is_id("sesrsc", page[5:]):
        raise invalid("invalid page cursor")
    return limit, page[5:]


def resolve(resource: FileResource, taken: Iterable[str]) -> str:
    """The path inside the sandbox; `taken` are those of the session's other files. Raises ApiError."""
    wanted = resource.mount_path or resource.file_id
    place = posixpath.normpath(wanted.lstrip("/") or ".")
    if "\0" in wanted or place.startswith("..") or ".." in wanted.split("/"):
        raise _refusal(f'mount path "{wanted[:200]}" escapes /uploads/')
    if place == "." or wanted.endswith("/"):
        raise _refusal(f'mount path "{wanted[:200]}" names no file')
    if len(place.encode()) > 1024 or any(len(name.encode()) > 255 for name in place.split("/")):
        raise _refusal("mount path is too long")
    path = f"{ROOT}/{place}"
    if any(path == other or path.startswith(other + "/") or other.startswith(path + "/") for other in taken):
        raise _refusal(f"`mount_path` overlaps another resource: /uploads/{place}")
    return path


def too_many() -> ApiError:
    return invalid(f"resources: a session can have at most {MOST_FILES} files")


def shown(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource as the wire shows it."""
    match resource["type"]:
        case "github_repository":
            return repositories.shown(resource)
        case "memory_store":
            return {key: resource[key] for key in _SHOWN_OF_STORES}
        case _:
            return {key: resource[key] for key in _SHOWN}


def no_resource() -> ApiError:
    return ApiError("not_found_error", "Resource not found.")


def refuse_rotation() -> ApiError:
    return invalid("authorization_token: only github_repository resources have a token that can be changed")


def _refusal(what: str) -> ApiError:
    return invalid(f"Invalid file resource: {what}")
