"""Times are RFC 3339 UTC with microseconds on the wire and integer microseconds since the epoch inside."""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_us() -> int:
    """The current time in microseconds since the epoch."""
    return time.time_ns() // 1000


def to_wire(us: int) -> str:
    """`1779922714155897` -> `2026-05-27T22:58:34.155897Z`."""
    return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="microseconds")[:-6] + "Z"


def to_us(moment: datetime) -> int:
    """Microseconds since the epoch; a time without a zone is read as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)
