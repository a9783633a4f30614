"""What dreams come to: begun, ended and settled, each in one transaction, whichever process does it.

`_due` tells from the rows what a dream's next step is; it is asked again under the lock before anything is done.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select, text, update

from journeyman.store.database import Database
from journeyman.store.dreams import NOTHING, interrupt, known_sessions, session_ids_of, used
from journeyman.store.events import NewEvent
from journeyman.store.memories import Actor, copy_memories
from journeyman.store.memory_stores import insert_store
from journeyman.store.port import Dream, Followed, Opening, Transcript
from journeyman.store.rendering import dump, load
from journeyman.store.resources import attach_stores
from journeyman.store.sessions import at_rest, end_session, insert_session, new_session
from journeyman.store.tables import dreams, events, memories, memory_stores, sessions
from journeyman.wire.resources import MemoryStoreResource
from journeyman.wire.sessions import SessionCreate
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]
Row = Mapping[str, Any]

_MOST_BYTES = 64 << 20
"""Of a store that is reworked."""
_STARTER = 7_163_004
"""The advisory lock of the one process that begins dreams."""
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Begin:
    """Its turn has come."""


@dataclass(frozen=True, slots=True)
class Complete:
    """Its session has ended its turn."""


@dataclass(frozen=True, slots=True)
class Fail:
    """It cannot be completed."""

    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Settle:
    """It is over, and nothing of it runs any more."""


Step = Begin | Complete | Fail | Settle


class Dreaming:
    """The dreams of a database. At most `at_once` of a workspace run (0: any), each for `timeout` seconds."""

    def __init__(self, database: Database, at_once: int, timeout: float) -> None:
        self._database = database
        self._at_once = at_once
        self._timeout = timeout

    async def due(self) -> list[Dream]:
        """Those with something to be done, oldest first."""

        def work(connection: Connection) -> list[Dream]:
            still_open = select(dreams).where(dreams.c.stopped_at.is_(None)).order_by(dreams.c.id)
            rows = [dict(row) for row in connection.execute(still_open).mappings()]
            found = [row for row in rows if self._due(connection, row, _session(connection, row)) is not None]
            return [Dream(row["id"], load(row["model"]), row["instructions"]) for row in found]

        return await self._database.read(work)

    async def advance(self, dream_id: str, opening: Opening) -> Followed | None:
        """Do what is due for a dream; what follows from it for its session. `opening` is for one that begins."""

        def work(connection: Connection) -> Followed | None:
            row = _one(connection, select(dreams).where(dreams.c.id == dream_id).with_for_update())
            assert row is not None, "dreams are never removed"
            session = _session(connection, row, lock=True)
            match None if row["stopped_at"] else self._due(connection, row, session):
                case Begin() if _may_begin(connection):
                    return _begin(connection, row, opening)
                case Complete():
                    return _end(connection, row, session, {"status": "completed"})
                case Fail(kind, message):
                    error = dump({"type": kind, "message": message})
                    return _end(connection, row, session, {"status": "failed", "error": error})
                case Settle():
                    return _stop(connection, row, session, {})
                case _:
                    return None

        return await self._database.write(work)

    async def transcripts(self, dream_id: str) -> list[Transcript]:
        """What a dream reads, of the sessions that are still there."""

        def work(connection: Connection) -> list[Transcript]:
            heads = connection.execute(select(dreams.c.heads).where(dreams.c.id == dream_id)).scalar_one_or_none()
            ends: dict[str, int] = load(heads) if heads else {}
            columns = sessions.c.id, sessions.c.title, sessions.c.created_at
            found = connection.execute(select(*columns).where(sessions.c.id.in_(ends)).order_by(sessions.c.id))
            return [Transcript(row.id, row.title, row.created_at, ends[row.id]) for row in found]

        return await self._database.read(work)

    async def said(self, session_id: str, after: int, head: int) -> list[tuple[int, JsonObject]]:
        """Some events of a session's list behind a place, with their places."""
        part = events.c.session_id == session_id, events.c.shown, events.c.seq > after, events.c.seq <= head
        statement = select(events.c.seq, events.c.body).where(*part).order_by(events.c.seq).limit(_PAGE)
        return await self._database.read(
            lambda connection: [(row.seq, _read(row.body)) for row in connection.execute(statement)]
        )

    def _due(self, connection: Connection, row: Row, session: Row | None) -> Step | None:
        match row["status"]:
            case "pending":
                return None if self._is_full(connection, row) else (_obstacle(connection, row) or Begin())
            case "running":
                return _obstacle(connection, row) or _result(connection, session) or self._late(row)
            case _:
                return Settle() if session is None or _is_over(session) or at_rest(dict(session)) else None

    def _is_full(self, connection: Connection, row: Row) -> bool:
        if not self._at_once:
            return False
        mine = dreams.c.workspace_id == row["workspace_id"], dreams.c.stopped_at.is_(None), dreams.c.status != "pending"
        return connection.execute(select(func.count()).where(*mine)).scalar_one() >= self._at_once

    def _late(self, row: Row) -> Fail | None:
        if now_us() - row["began_at"] < self._timeout * 1_000_000:
            return None
        return Fail("timeout", f"The dream ran for more than {self._timeout:g} seconds.")


def _read(body: str) -> JsonObject:
    """Of a session whose log is damaged, what there is: it is another session's, and only read."""
    try:
        return load(body)
    except ValueError:
        return {"type": "unreadable"}


def _session(connection: Connection, row: Row, *, lock: bool = False) -> Row | None:
    mine = select(sessions).where(sessions.c.id == row["session_id"])
    return _one(connection, mine.with_for_update() if lock else mine)


def _is_over(session: Row) -> bool:
    return session["status"] == "terminated"


def _obstacle(connection: Connection, row: Row) -> Fail | None:
    """What is missing. A store that was copied is not needed any more; what is written to is."""
    if row["output_id"] in (None, row["store_id"]):
        store = _store(connection, row["store_id"])
        if store is None or store["archived_at"] is not None:
            what = "deleted" if store is None else "archived"
            return Fail("input_memory_store_unavailable", f"The memory store {row['store_id']} was {what}.")
    elif _store(connection, row["output_id"]) is None:
        return Fail("internal_error", f"The dream's output, memory store {row['output_id']}, was deleted.")
    wanted = session_ids_of(row)
    gone = set(wanted) - set(known_sessions(connection, row["workspace_id"], wanted))
    if gone:
        return Fail("input_session_unavailable", f"The session {min(gone)} was deleted.")
    return None


def _store(connection: Connection, store_id: str) -> Row | None:
    return _one(connection, select(memory_stores).where(memory_stores.c.id == store_id))


def _one(connection: Connection, statement: Select[*tuple[Any, ...]]) -> Row | None:
    found = connection.execute(statement).mappings().one_or_none()
    return None if found is None else dict(found)


def _result(connection: Connection, session: Row | None) -> Complete | Fail | None:
    """What the session has come to, once it rests or is over."""
    if session is None:
        return Fail("internal_error", "The dream's session was deleted.")
    if not (_is_over(session) or at_rest(dict(session))):
        return None
    idle = _last(connection, session["id"], "session.status_idle")
    reason = "none" if idle is None else idle["stop_reason"]["type"]
    if reason == "end_turn":
        return Complete()
    told = _last(connection, session["id"], "session.error")
    if reason == "retries_exhausted" and told is not None:
        return Fail("internal_error", told["error"]["message"])
    return Fail("internal_error", f"The dream's session stopped ({reason}).")


def _last(connection: Connection, session_id: str, type_: str) -> JsonObject | None:
    mine = select(events.c.body).where(events.c.session_id == session_id, events.c.type == type_)
    body = connection.execute(mine.order_by(events.c.seq.desc()).limit(1)).scalar_one_or_none()
    return None if body is None else load(body)


def _may_begin(connection: Connection) -> bool:
    """One process at a time, so that a workspace has no more than it may. Others look again later."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _STARTER}).scalar())


def _begin(connection: Connection, row: Row, opening: Opening) -> Followed | None:
    size = connection.execute(select(func.sum(memories.c.size)).where(memories.c.store_id == row["store_id"])).scalar()
    if (size or 0) > _MOST_BYTES:
        told = f"The memory store {row['store_id']} has {size} bytes; a dream reads at most {_MOST_BYTES}."
        too_large = {"type": "input_memory_store_too_large", "message": told}
        return _end(connection, row, None, {"status": "failed", "error": dump(too_large)})
    session = _new_session(row, opening)
    output_id = row["store_id"] if row["in_place"] else _copied(connection, row, session["id"])
    mount = MemoryStoreResource(type="memory_store", memory_store_id=output_id)
    session["resources"] = dump(attach_stores(connection, row["workspace_id"], [mount]))
    first = NewEvent("user.message", {"content": [{"type": "text", "text": opening.text}]})
    insert_session(connection, session, [first])
    heads = known_sessions(connection, row["workspace_id"], session_ids_of(row))
    values = {"status": "running", "session_id": session["id"], "output_id": output_id, "began_at": now_us()}
    connection.execute(update(dreams).where(dreams.c.id == row["id"]).values(**values, heads=dump(heads)))
    return Followed(session["id"], is_over=False)


def _new_session(row: Row, opening: Opening) -> JsonObject:
    named = {"agent": opening.agent["id"], "environment_id": opening.environment["id"], "title": f"Dream {row['id']}"}
    create = SessionCreate.model_validate(named)
    session = new_session(row["workspace_id"], create, opening.agent, opening.environment, running=True)
    return {**session, "dream_id": row["id"]}


def _copied(connection: Connection, row: Row, session_id: str) -> str:
    source = _store(connection, row["store_id"])
    assert source is not None, "looked for under the dream's lock"
    made = insert_store(connection, row["workspace_id"], source["name"], source["description"], source["metadata"])
    copy_memories(connection, source["id"], made["id"], Actor("session_actor", session_id))
    return made["id"]


def _end(connection: Connection, row: Row, session: Row | None, values: JsonObject) -> Followed | None:
    """It is over. What of it still runs is cut, and settled later."""
    usage = dump(used(connection, row) if row["session_id"] else NOTHING)
    after = {**values, "ended_at": now_us(), "usage": usage}
    if session is None or _is_over(session) or at_rest(dict(session)):
        return _stop(connection, row, session, after)
    connection.execute(update(dreams).where(dreams.c.id == row["id"]).values(after))
    return interrupt(connection, session["id"])


def _stop(connection: Connection, row: Row, session: Row | None, values: JsonObject) -> Followed | None:
    """Nothing of it runs any more: its session is archived."""
    after = {"usage": dump(used(connection, row)), **values, "stopped_at": now_us()}
    connection.execute(update(dreams).where(dreams.c.id == row["id"]).values(after))
    if session is None:
        return None
    if not _is_over(session):
        end_session(connection, dict(session))
    return Followed(session["id"], is_over=True)
