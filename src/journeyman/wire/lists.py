"""Query parameters of the list and stream operations. Parameters without a meaning here are ignored."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from journeyman.wire.errors import invalid
from journeyman.wire.event_types import DELTA_TYPES, EVENT_TYPES
from journeyman.wire.parse_error import bad_value, quote
from journeyman.wire.times import to_us

Query: TypeAlias = Sequence[tuple[str, str]]
"""Names and values in the order of the URL, decoded."""
Order: TypeAlias = Literal["asc", "desc"]

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?")
_STATUSES = ("idle", "rescheduling", "running", "terminated")


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Bounds on a time, in microseconds since the epoch."""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


@dataclass(frozen=True, slots=True)
class AgentList:
    """Agents, newest first."""

    limit: int
    page: str | None
    include_archived: bool
    created_at: TimeRange


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A list with nothing to filter by: agent versions, thread events."""

    limit: int
    page: str | None


@dataclass(frozen=True, slots=True)
class EnvironmentList:
    """Environments, newest first."""

    limit: int
    page: str | None
    include_archived: bool


@dataclass(frozen=True, slots=True)
class VaultList:
    """Vaults, or the credentials of one, newest first."""

    limit: int
    page: str | None
    include_archived: bool


@dataclass(frozen=True, slots=True)
class SessionList:
    """Sessions; an empty `statuses` means any."""

    limit: int
    page: str | None
    order: Order
    include_archived: bool
    agent_id: str | None
    agent_version: int | None
    deployment_id: str | None
    memory_store_id: str | None
    statuses: frozenset[str]
    created_at: TimeRange


@dataclass(frozen=True, slots=True)
class EventList:
    """Session events; an empty `types` means any. `created_at` bounds `processed_at`."""

    limit: int
    page: str | None
    order: Order
    types: frozenset[str]
    created_at: TimeRange


@dataclass(frozen=True, slots=True)
class ThreadList:
    """Threads; an empty `statuses` means any."""

    limit: int
    page: str | None
    statuses: frozenset[str]


def agent_list(query: Query) -> AgentList:
    """Parse; raises ApiError naming the parameter, as do all functions here."""
    return AgentList(_limit(query, 20, 100), _text(query, "page"), _flag(query, "include_archived"), _created_at(query))


def version_list(query: Query) -> PageQuery:
    """Versions of one agent."""
    return PageQuery(_limit(query, 20, 100), _text(query, "page"))


def environment_list(query: Query) -> EnvironmentList:
    """Environments."""
    return EnvironmentList(_limit(query, 20, 100), _text(query, "page"), _flag(query, "include_archived"))


def vault_list(query: Query) -> VaultList:
    """Vaults, or the credentials of one."""
    return VaultList(_limit(query, 20, 100), _text(query, "page"), _flag(query, "include_archived"))


def session_list(query: Query) -> SessionList:
    """Sessions; the version counts only together with the agent."""
    agent_id = _text(query, "agent_id")
    version = _integer(query, "agent_version", 1, 2**31 - 1)
    return SessionList(
        limit=_limit(query, 20, 100),
        page=_text(query, "page"),
        order=_order(query, "desc"),
        include_archived=_flag(query, "include_archived"),
        agent_id=agent_id,
        agent_version=version if agent_id is not None else None,
        deployment_id=_text(query, "deployment_id"),
        memory_store_id=_text(query, "memory_store_id"),
        statuses=frozenset(_choices(query, "statuses", _STATUSES)),
        created_at=_created_at(query),
    )


def event_list(query: Query) -> EventList:
    """Events of a session."""
    return EventList(
        limit=_limit(query, 100, 1000),
        page=_text(query, "page"),
        order=_order(query, "asc"),
        types=frozenset(_choices(query, "types", EVENT_TYPES)),
        created_at=_created_at(query),
    )


def thread_event_list(query: Query) -> PageQuery:
    """Events of a thread."""
    return PageQuery(_limit(query, 100, 1000), _text(query, "page"))


def thread_list(query: Query) -> ThreadList:
    """Threads of a session."""
    return ThreadList(
        _limit(query, 1000, 1000), _text(query, "page"), frozenset(_choices(query, "statuses", _STATUSES))
    )


def files_page(query: Query) -> tuple[int, str | None]:
    """Limit and page of files."""
    return _limit(query, 20, 1000), _text(query, "page")


def event_deltas(query: Query) -> frozenset[str]:
    """The types a stream is asked to preview."""
    return frozenset(_choices(query, "event_deltas", DELTA_TYPES))


def text_of(query: Query, name: str) -> str | None:
    """A parameter; the last counts, and an empty one does not."""
    return _text(query, name)


def integer(query: Query, name: str, least: int, most: int) -> int | None:
    """A number in a range. Raises ApiError."""
    return _integer(query, name, least, most)


def limit_of(query: Query, default: int, most: int) -> int:
    """How many items a page has. Raises ApiError."""
    return _limit(query, default, most)


def flag(query: Query, name: str) -> bool:
    """true or false, the latter when it is not said. Raises ApiError."""
    return _flag(query, name)


def choices(query: Query, name: str, known: Sequence[str]) -> list[str]:
    """All values of a repeated parameter that takes these. Raises ApiError."""
    return _choices(query, name, known)


def bounds(query: Query) -> TimeRange:
    """`created_at_gte` and `created_at_lte`, also as `created_at[gte]` and so on. Raises ApiError."""
    inner = _created_at(query)
    least, most = _time(query, "created_at_gte"), _time(query, "created_at_lte")
    return TimeRange(
        inner.gt, least if inner.gte is None else inner.gte, inner.lt, most if inner.lte is None else inner.lte
    )


def values_of(query: Query, name: str) -> list[str]:
    """All values of a repeated parameter."""
    return [value for key, value in query if key in (name, f"{name}[]")]


def _text(query: Query, name: str) -> str | None:
    value = next((value for key, value in reversed(query) if key == name), None)
    if value and "\0" in value:
        raise invalid(f"{name}: must not contain a null character")
    return value or None


def _integer(query: Query, name: str, least: int, most: int) -> int | None:
    text = _text(query, name)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise invalid(f"{name}: expected an integer, got {quote(text)}")
    if not least <= int(text) <= most:
        raise invalid(f"{name}: must be between {least} and {most}")
    return int(text)


def _limit(query: Query, default: int, most: int) -> int:
    limit = _integer(query, "limit", 1, most)
    return default if limit is None else limit


def _flag(query: Query, name: str) -> bool:
    text = _text(query, name)
    if text not in (None, "true", "false"):
        raise invalid(f"{name}: {bad_value(text, ('true', 'false'))}")
    return text == "true"


def _order(query: Query, default: Order) -> Order:
    match _text(query, "order"):
        case None:
            return default
        case "asc" | "desc" as order:
            return order
        case other:
            raise invalid(f"order: {bad_value(other, ('asc', 'desc'))}")


def _choices(query: Query, name: str, known: Sequence[str]) -> list[str]:
    values = [value for key, value in query if key in (name, f"{name}[]")]
    if len(values) > 100:
        raise invalid(f"{name}: must have at most 100 values, got {len(values)}")
    for value in values:
        if value not in known:
            raise invalid(f"{name}: {bad_value(value, known)}")
    return values


def _created_at(query: Query) -> TimeRange:
    return TimeRange(*(_time(query, f"created_at[{bound}]") for bound in ("gt", "gte", "lt", "lte")))


def _time(query: Query, name: str) -> int | None:
    text = _text(query, name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.upper()) if _RFC3339.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise invalid(f'{name}: {quote(text)} is not an RFC 3339 time such as "2026-01-31T12:00:00Z"')
    return to_us(moment)
