"""Memory stores: what a client sends to make or change one."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, TypeAdapter

from journeyman.wire import metadata
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.lists import Query, TimeRange, bounds, flag, limit_of, text_of
from journeyman.wire.metadata import Metadata, MetadataPatch
from journeyman.wire.strict import Strict, parse, refuse

ROOT = "/mnt/memory"
MOST_PER_SESSION = 8


def _plain(name: str) -> str:
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        raise refuse("must not contain control characters")
    return name


Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_plain)]
Description: TypeAlias = Annotated[str, Field(max_length=1024)]


class MemoryStoreCreate(Strict):
    """Body of memory store create; null means omitted."""

    name: Name
    description: Description | None = None
    metadata: Metadata | None = None


class MemoryStoreUpdate(Strict):
    """Body of memory store update; omitted and null keep."""

    name: Name | None = None
    description: Description | None = None
    metadata: MetadataPatch | None = None


STORE_CREATE: TypeAdapter[MemoryStoreCreate] = TypeAdapter(MemoryStoreCreate)
STORE_UPDATE: TypeAdapter[MemoryStoreUpdate] = TypeAdapter(MemoryStoreUpdate)


@dataclass(frozen=True, slots=True)
class MemoryStoreList:
    """Memory stores, newest first."""

    limit: int
    page: str | None
    include_archived: bool
    created_at: TimeRange


def parse_create(body: bytes) -> MemoryStoreCreate:
    """A checked create; raises ApiError."""
    create = parse(STORE_CREATE, body)
    metadata.checked(create.metadata)
    return create


def parse_update(body: bytes) -> MemoryStoreUpdate:
    """Raises ApiError."""
    return parse(STORE_UPDATE, body)


def store_list(query: Query) -> MemoryStoreList:
    """Parse; raises ApiError naming the parameter."""
    return MemoryStoreList(
        limit_of(query, 20, 100), text_of(query, "page"), flag(query, "include_archived"), bounds(query)
    )


def slug(name: str) -> str:
    """The directory of a store of this name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:100] or "memory"


def place_of(name: str, taken: Sequence[str]) -> str:
    """Where a store of this name is mounted, beside others that are there already."""
    base = f"{ROOT}/{slug(name)}"
    places = (base, *(f"{base}-{number}" for number in range(2, MOST_PER_SESSION + 1)))
    return next(place for place in places if place not in taken)


def no_store() -> ApiError:
    return ApiError("not_found_error", "Memory store not found.")


def store_archived(store_id: str) -> ApiError:
    return invalid(f"Memory store {store_id} is archived.")
