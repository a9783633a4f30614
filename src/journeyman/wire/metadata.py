"""Metadata: up to 16 short string pairs on a resource, patched key by key."""

from collections.abc import Mapping
from typing import TypeAlias

from journeyman.wire.errors import invalid
from journeyman.wire.parse_error import quote

Metadata: TypeAlias = dict[str, str]
MetadataPatch: TypeAlias = dict[str, str | None]


def checked(metadata: Metadata | None) -> Metadata:
    """A copy of what was sent; raises ApiError with the code `invalid_metadata`, naming each problem."""
    pairs = dict(metadata or {})
    problems = [f"metadata: must have at most 16 pairs, got {len(pairs)}"] if len(pairs) > 16 else []
    for key, value in pairs.items():
        if not 1 <= len(key) <= 64:
            problems.append(f"metadata: key {quote(key)} must be 1 to 64 characters long")
        if len(value) > 512:
            problems.append(f"metadata: value of {quote(key)} must be at most 512 characters long")
    if problems:
        raise invalid("; ".join(problems[:16]), code="invalid_metadata")
    return pairs


def patched(current: Mapping[str, str], patch: MetadataPatch | None) -> Metadata:
    """The stored pairs after a patch: a string sets its key, null or the empty string deletes it."""
    merged = dict(current)
    for key, value in (patch or {}).items():
        if value:
            merged[key] = value
        else:
            merged.pop(key, None)
    return checked(merged)
