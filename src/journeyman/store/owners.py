"""The processes of one database: who lives, what each owns, and what nobody looks after."""

import time
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    delete,
    exists,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)

from journeyman.store.database import Database
from journeyman.store.tables import inbox, owners, sessions

_SECOND = 1_000_000
_WAIT = 2 * _SECOND
"""Microseconds for which mail, and a time that has come, are left to whoever was woken for them."""
_MARGIN = 0.5
"""Seconds by which this process gives its lease less trust than the others do."""
_FORGET = 600 * _SECOND
_RECONCILER = 7_163_002
"""The advisory lock of the one process that looks after the rest."""
_CLOCKS = {
    "postgresql": "(extract(epoch from clock_timestamp()) * 1000000)::bigint",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
}


@dataclass(frozen=True, slots=True)
class Owner:
    """A process. `host` names the sandboxes it can reach: those of one data directory on one machine."""

    id: str
    host: str
    lease: float = 3.0
    """Seconds without a beat after which what it owns is free."""


class Pulse(NamedTuple):
    """What a beat tells: the sessions held with the ends of their inboxes, and how many other processes live."""

    held: dict[str, int]
    peers: int


class Abandoned(NamedTuple):
    """A session that nobody looks after; `host` when its sandbox is on one that lives."""

    session_id: str
    host: str | None


class Owners:
    """Seen by the clock of the database, which all processes share."""

    def __init__(self, database: Database, owner: Owner, *, works: bool) -> None:
        self._database = database
        self._owner = owner
        self._works = works
        self.id = owner.id
        self.host = owner.host
        self.lease = owner.lease
        self._beaten = 0.0

    @property
    def fresh(self) -> bool:
        """Whether nobody else can own by now what this process owned at its last beat."""
        return time.monotonic() - self._beaten < self.lease - _MARGIN

    async def beat(self) -> Pulse:
        """Say that this process lives."""
        began = time.monotonic()
        pulse = await self._database.write(lambda connection: _beat(connection, self._owner, works=self._works))
        self._beaten = began
        return pulse

    async def leave(self) -> list[Abandoned]:
        """Give up everything; what this process owned."""
        return await self._database.write(lambda connection: _leave(connection, self._owner))

    async def abandoned(self) -> list[Abandoned]:
        """What needs a wake; none when another process is looking already."""
        return await self._database.write(lambda connection: _abandoned(connection, self._owner))


def free_for(connection: Connection, owner: Owner) -> tuple[ColumnElement[bool], ...]:
    """That a session may be claimed: nobody who lives owns it, nor lives where its sandbox is."""
    mine = or_(sessions.c.owner.is_(None), sessions.c.owner == owner.id, ~_owned(connection, owner))
    return mine, or_(sessions.c.host.is_(None), sessions.c.host == owner.host, ~_housed(connection, owner))


def _beat(connection: Connection, owner: Owner, *, works: bool) -> Pulse:
    now = _now(connection)
    mine = owners.c.id == owner.id
    if connection.execute(update(owners).where(mine).values(beat_at=now)).rowcount == 0:
        values = {"id": owner.id, "host": owner.host, "works": works, "beat_at": now}
        connection.execute(insert(owners).values(values))
        connection.execute(delete(owners).where(owners.c.beat_at < now - _FORGET))
    held = connection.execute(select(sessions.c.id, sessions.c.inbox_seq).where(sessions.c.owner == owner.id))
    peers = connection.execute(select(owners.c.id).where(~mine, _lives(connection, owner))).all()
    return Pulse({row.id: row.inbox_seq for row in held}, len(peers))


def _leave(connection: Connection, owner: Owner) -> list[Abandoned]:
    connection.execute(delete(owners).where(owners.c.id == owner.id))
    given_up = update(sessions).where(sessions.c.owner == owner.id).values(owner=None)
    housed = _housed(connection, owner).label("housed")
    found = connection.execute(given_up.returning(sessions.c.id, sessions.c.host, housed))
    return [Abandoned(row.id, row.host if row.housed else None) for row in found]


def _abandoned(connection: Connection, owner: Owner) -> list[Abandoned]:
    if connection.dialect.name == "postgresql":
        alone = connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _RECONCILER}).scalar()
        if not alone:
            return []
    now, late = _now(connection), _now(connection) - _WAIT
    orphaned = sessions.c.owner.is_not(None) & ~_owned(connection, owner)
    unread = exists().where(inbox.c.session_id == sessions.c.id)
    waiting = exists().where(inbox.c.session_id == sessions.c.id, inbox.c.received_at < late)
    working = sessions.c.status.in_(("running", "rescheduling"))
    ripe = working & (sessions.c.due_at.is_(None) | (sessions.c.due_at < late)) & (sessions.c.updated_at < late)
    needs = (orphaned & (unread | (working & (sessions.c.due_at.is_(None) | (sessions.c.due_at <= now))))) | (
        sessions.c.owner.is_(None) & (waiting | ripe)
    )
    statement = select(sessions.c.id, sessions.c.host, _housed(connection, owner).label("housed"))
    rows = connection.execute(statement.where(sessions.c.status != "terminated", needs))
    return [Abandoned(row.id, row.host if row.housed else None) for row in rows]


def _lives(connection: Connection, owner: Owner) -> ColumnElement[bool]:
    return owners.c.beat_at > _now(connection) - int(owner.lease * _SECOND)


def _owned(connection: Connection, owner: Owner) -> ColumnElement[bool]:
    """That a session's owner lives."""
    return exists().where(owners.c.id == sessions.c.owner, _lives(connection, owner))


def _housed(connection: Connection, owner: Owner) -> ColumnElement[bool]:
    """That somebody works where a session's sandbox is."""
    return exists().where(owners.c.host == sessions.c.host, owners.c.works, _lives(connection, owner))


def _now(connection: Connection) -> ColumnElement[int]:
    return literal_column(_CLOCKS[connection.dialect.name])
