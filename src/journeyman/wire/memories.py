"""Memories and their versions: what a client sends, and what is asked of lists."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, TypeAdapter

from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.lists import Query, TimeRange, bounds, integer, limit_of, text_of
from journeyman.wire.parse_error import bad_value, quote
from journeyman.wire.strict import Strict, parse, refuse

MOST_BYTES = 102_400
"""Of one memory's content."""
MOST_MEMORIES = 10_000
"""Of one store."""
_PATH_BYTES, _SEGMENTS = 1024, 20
_FULL = 20
"""Items of a page that has contents."""
_SHA256 = re.compile(r"[0-9a-f]{64}")

View: TypeAlias = Literal["basic", "full"]


def path_problem(path: str) -> str | None:
    """What is wrong with a memory's path, or None."""
    segments = path.split("/")[1:]
    if not path.startswith("/") or not 1 <= len(segments) <= _SEGMENTS:
        return f"must start with / and have 1 to {_SEGMENTS} segments"
    if any(segment in ("", ".", "..") for segment in segments):
        return "must not have empty segments, . or .."
    # What is no Unicode counts too, and is a surrogate, which is no character.
    if len(path.encode(errors="replace")) > _PATH_BYTES:
        return f"must have at most {_PATH_BYTES} bytes"
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in path):
        return "must not contain control, format or separator characters"
    if unicodedata.normalize("NFC", path) != path:
        return "must be in Unicode Normalization Form C"
    return None


def content_problem(content: str) -> str | None:
    """What is wrong with a memory's content, or None."""
    try:
        size = len(content.encode())
    except UnicodeEncodeError:
        return "must be valid Unicode"
    if size > MOST_BYTES:
        return f"must have at most {MOST_BYTES} bytes, got {size}"
    return "must not contain a null character" if "\0" in content else None


def _path(path: str) -> str:
    problem = path_problem(path)
    if problem is not None:
        raise refuse(problem)
    return path


def _content(content: str) -> str:
    problem = content_problem(content)
    if problem is not None:
        raise refuse(problem)
    return content


def _sha256(value: str) -> str:
    if not _SHA256.fullmatch(value):
        raise refuse("must be 64 lowercase hexadecimal characters")
    return value


Path: TypeAlias = Annotated[str, AfterValidator(_path)]
Content: TypeAlias = Annotated[str, AfterValidator(_content)]


class MemoryCreate(Strict):
    """Body of memory create."""

    path: Path
    content: Content | None


class Precondition(Strict):
    """What the stored memory must be for an update to apply."""

    type: Literal["content_sha256"]
    content_sha256: Annotated[str, AfterValidator(_sha256)]


class MemoryUpdate(Strict):
    """Body of memory update; omitted and null keep."""

    path: Path | None = None
    content: Content | None = None
    precondition: Precondition | None = None


MEMORY_CREATE: TypeAdapter[MemoryCreate] = TypeAdapter(MemoryCreate)
MEMORY_UPDATE: TypeAdapter[MemoryUpdate] = TypeAdapter(MemoryUpdate)


@dataclass(frozen=True, slots=True)
class MemoryList:
    """Memories in the order of their paths; `depth` 1 groups what is deeper."""

    limit: int
    page: str | None
    prefix: str
    depth: int
    view: View


@dataclass(frozen=True, slots=True)
class MemoryVersionList:
    """Versions, newest first."""

    limit: int
    page: str | None
    view: View
    memory_id: str | None
    operation: str | None
    actors: tuple[tuple[str, str], ...]
    """Types of actors and their ids, each of which must hold."""
    created_at: TimeRange


def parse_create(body: bytes) -> MemoryCreate:
    """Raises ApiError."""
    return parse(MEMORY_CREATE, body)


def parse_update(body: bytes) -> MemoryUpdate:
    """Raises ApiError."""
    return parse(MEMORY_UPDATE, body)


def view_of(query: Query, default: View) -> View:
    """Raises ApiError."""
    match text_of(query, "view"):
        case None:
            return default
        case "basic" | "full" as view:
            return view
        case other:
            raise invalid(f"view: {bad_value(other, ('basic', 'full'))}")


def memory_list(query: Query) -> MemoryList:
    """Raises ApiError naming the parameter."""
    prefix = text_of(query, "path_prefix") or "/"
    if not prefix.startswith("/") or not prefix.endswith("/"):
        raise invalid("path_prefix: must start and end with /")
    view = view_of(query, "basic")
    depth = integer(query, "depth", 0, 1) or 0
    return MemoryList(_limit(query, view), text_of(query, "page"), prefix, depth, view)


def version_list(query: Query) -> MemoryVersionList:
    """Raises ApiError naming the parameter."""
    operation = text_of(query, "operation")
    if operation not in (None, "created", "modified", "deleted"):
        raise invalid(f"operation: {bad_value(operation, ('created', 'modified', 'deleted'))}")
    kinds = {"session_id": "session_actor", "api_key_id": "api_actor", "service_account_id": "service_account_actor"}
    actors = tuple((kind, value) for name, kind in kinds.items() if (value := text_of(query, name)) is not None)
    view = view_of(query, "basic")
    return MemoryVersionList(
        _limit(query, view), text_of(query, "page"), view, text_of(query, "memory_id"), operation, actors, bounds(query)
    )


def expected_sha256(query: Query) -> str | None:
    """Of a delete. Raises ApiError."""
    value = text_of(query, "expected_content_sha256")
    if value is not None and not _SHA256.fullmatch(value):
        raise invalid("expected_content_sha256: must be 64 lowercase hexadecimal characters")
    return value


def no_memory() -> ApiError:
    return ApiError("not_found_error", "Memory not found.")


def no_memory_version() -> ApiError:
    return ApiError("not_found_error", "Memory version not found.")


def path_taken(path: str) -> ApiError:
    return ApiError("memory_path_conflict_error", f"path: {quote(path)} is taken by another memory", status=409)


def precondition_failed() -> ApiError:
    message = "The memory's content_sha256 is not the expected one: it was changed meanwhile."
    return ApiError("memory_precondition_failed_error", message, status=409)


def store_full() -> ApiError:
    return invalid(f"A memory store can have at most {MOST_MEMORIES} memories.")


def is_live() -> ApiError:
    return invalid(
        "The current version of a memory cannot be redacted; write another one, or delete the memory, first."
    )


def _limit(query: Query, view: View) -> int:
    limit = limit_of(query, 20, 100)
    return min(limit, _FULL) if view == "full" else limit
