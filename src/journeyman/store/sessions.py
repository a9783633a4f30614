"""Sessions: made, read, listed, changed, archived and deleted. Their logs are `log.py` and `events.py`."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, insert, select, update

from journeyman.skills.catalogue import Catalogue
from journeyman.store import environments, rosters
from journeyman.store.agent_rows import get_agent, known_agent
from journeyman.store.database import Database
from journeyman.store.events import NewEvent, put_into_inbox
from journeyman.store.outcomes import pending
from journeyman.store.page import Page, continue_from, cut, read_cursor, within
from journeyman.store.prepared import Prepared
from journeyman.store.rendering import dump, load
from journeyman.store.resources import attach, attach_stores, in_order
from journeyman.store.session_rows import budget_of, lock_session, remove_session, session_row
from journeyman.store.session_skills import pin_all
from journeyman.store.tables import sessions, threads
from journeyman.store.vaults import check_usable
from journeyman.wire import not_yet
from journeyman.wire.budgets import cap, no_price, not_raised
from journeyman.wire.errors import invalid, not_found
from journeyman.wire.ids import is_id, new_id
from journeyman.wire.lists import SessionList
from journeyman.wire.resources import FileResource, MemoryStoreResource
from journeyman.wire.rosters import models_of
from journeyman.wire.sessions import SessionCreate, SessionUpdate, apply_update, resolve_agent
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]
SessionRow = dict[str, Any]

_INSERT = Prepared(insert(sessions))
_INSERT_THREAD = Prepared(insert(threads))


class Prices(Protocol):
    """What work costs at list price."""

    def consumed(self, row: SessionRow) -> int:
        """By a session so far, in nano-dollars."""
        ...

    def has_price(self, model: str) -> bool: ...


class _Free:
    """Work that costs nothing."""

    def consumed(self, row: SessionRow) -> int:  # noqa: ARG002
        return 0

    def has_price(self, model: str) -> bool:  # noqa: ARG002
        return True


class Sessions:
    """One workspace's sessions, as rows: rendering them needs the clock and the prices."""

    def __init__(self, database: Database, catalogue: Catalogue | None = None, prices: Prices | None = None) -> None:
        """Without `prices` work costs nothing."""
        self._database = database
        self._prices = prices or _Free()
        self._catalogue = catalogue or Catalogue()

    async def create(
        self,
        workspace: str,
        create: SessionCreate,
        initial: Sequence[NewEvent],
        repositories: Sequence[JsonObject] = (),
    ) -> SessionRow:
        """All or nothing. With initial events the session is made running. `repositories` as they are stored."""

        def work(connection: Connection) -> SessionRow:
            agent = _usable_agent(connection, workspace, create.agent.id, create.agent.version)
            environment = _usable_environment(connection, workspace, create.environment_id)
            snapshot = resolve_agent(agent, create.agent)
            snapshot["multiagent"] = rosters.define(connection, workspace, snapshot)
            if create.budget is not None:
                self._check_prices(snapshot)
            row = new_session(workspace, create, snapshot, environment, running=bool(initial))
            pinned = pin_all(connection, workspace, self._catalogue, snapshot)
            if pinned:
                row["skills"] = dump(pinned)
            wanted = [resource for resource in create.resources or [] if isinstance(resource, FileResource)]
            vault_ids = list(dict.fromkeys(create.vault_ids or []))
            if vault_ids:
                check_usable(connection, workspace, vault_ids)
                row["vault_ids"] = dump(vault_ids)
            stores = [each for each in create.resources or [] if isinstance(each, MemoryStoreResource)]
            if create.resources:
                files = attach(connection, workspace, row["id"], wanted)
                mounted = attach_stores(connection, workspace, stores)
                row["resources"] = dump(in_order(create.resources, [*files, *repositories, *mounted]))
            if outcomes := pending(initial):
                row["outcomes"] = dump(outcomes)
            insert_session(connection, row, initial)
            return row

        return await self._database.write(work)

    async def retrieve(self, workspace: str, session_id: str) -> SessionRow:
        """Raises 404."""
        return await self._database.read(lambda connection: session_row(connection, workspace, session_id))

    async def update(self, workspace: str, session_id: str, change: SessionUpdate) -> tuple[SessionRow, bool]:
        """Apply a change; what changed is said in the log by a `session.updated`. Also: whether anything changed."""

        def work(connection: Connection) -> tuple[SessionRow, bool]:
            row = lock_session(connection, workspace, session_id)
            if row["archived_at"] is not None:
                raise invalid(f"Session {session_id} is archived and cannot be updated.")
            if change.agent is not None and not at_rest(row):
                raise invalid("agent: can only be updated while the session is idle")
            before = {"title": row["title"], "metadata": load(row["metadata"]), "agent": load(row["agent"])}
            before["budget"] = budget_of(row)
            after = apply_update(before, change)
            limit = cap(after["budget"])
            if change.budget is not None and limit is not None and limit <= self._prices.consumed(row):
                raise not_raised()
            changed = {key: value for key, value in after.items() if value != before.get(key)}
            if not changed:
                return row, False
            values = {**after, "metadata": dump(after["metadata"]), "agent": dump(after["agent"])}
            values["budget"] = None if after["budget"] is None else dump(after["budget"])
            values = {key: values[key] for key in changed} | {"updated_at": now_us()}
            connection.execute(update(sessions).where(sessions.c.id == session_id).values(values))
            put_into_inbox(connection, session_id, [NewEvent("session.updated", changed)])
            return {**row, **values}, True

        return await self._database.write(work)

    async def archive(self, workspace: str, session_id: str) -> SessionRow:
        """Idempotent; refused while running. The session ends: its owner loses it."""

        def work(connection: Connection) -> SessionRow:
            row = lock_session(connection, workspace, session_id)
            if row["archived_at"] is not None:
                return row
            if not at_rest(row):
                status = "rescheduling" if row["status"] == "rescheduling" else "running"
                raise invalid(
                    f'Session {session_id} cannot be archived while its status is "{status}". '
                    "Only pending or idle sessions may be archived."
                )
            return end_session(connection, row)

        return await self._database.write(work)

    async def delete(self, workspace: str, session_id: str) -> None:
        """Its rows, events and inbox; refused while running."""

        def work(connection: Connection) -> None:
            row = lock_session(connection, workspace, session_id)
            is_over = row["status"] == "terminated"
            if row["dream_id"] is not None and not is_over:
                raise invalid(f"Cannot delete session while it runs dream {row['dream_id']}. Cancel the dream first.")
            if not is_over and not at_rest(row):
                raise invalid(
                    "Cannot delete session while it is running. Send an interrupt event or wait for the session to "
                    "complete."
                )
            remove_session(connection, session_id)

        await self._database.write(work)

    async def statuses(self, session_ids: Sequence[str]) -> dict[str, tuple[str, float]]:
        """Of those that exist, in whatever workspace: status, and when something last happened (seconds)."""
        columns = sessions.c.id, sessions.c.status, sessions.c.updated_at
        statement = select(*columns).where(sessions.c.id.in_(session_ids))
        return await self._database.read(
            lambda connection: {row.id: (row.status, row.updated_at / 1e6) for row in connection.execute(statement)}
        )

    async def heads(self, session_ids: Sequence[str]) -> dict[str, int]:
        """The ends of the logs of those that are not over, in whatever workspace."""
        alive = sessions.c.status != "terminated"
        statement = select(sessions.c.id, sessions.c.head).where(sessions.c.id.in_(session_ids), alive)
        return await self._database.read(lambda connection: {row.id: row.head for row in connection.execute(statement)})

    async def list(self, workspace: str, query: SessionList) -> Page[SessionRow]:
        """In the order of their making."""
        cursor = read_cursor(query.page, "sessions", query.order, query.created_at)
        statement = select(sessions).where(
            sessions.c.workspace_id == workspace, *within(query.created_at, sessions.c.created_at)
        )
        if not query.include_archived:
            statement = statement.where(sessions.c.archived_at.is_(None))
        if query.agent_id is not None:
            statement = statement.where(sessions.c.agent_id == query.agent_id)
        if query.agent_version is not None:
            statement = statement.where(sessions.c.agent_version == query.agent_version)
        if query.deployment_id is not None:
            statement = statement.where(sessions.c.deployment_id == query.deployment_id)
        if query.memory_store_id is not None:
            statement = statement.where(sessions.c.resources.contains(f'"{query.memory_store_id}"', autoescape=True))
        if query.statuses:
            statement = statement.where(sessions.c.status.in_(sorted(query.statuses)))
        statement = continue_from(statement, sessions.c.id, cursor, query.order, query.limit)
        rows = await self._database.read(
            lambda connection: [dict(row) for row in connection.execute(statement).mappings()]
        )
        return cut("sessions", rows, "id", "created_at", cursor, query.order, query.limit)

    def _check_prices(self, agent: JsonObject) -> None:
        for model in models_of(agent):
            if not self._prices.has_price(model):
                raise no_price(model)


def environment_of(row: SessionRow) -> JsonObject:
    """The environment as it was when the session was made: its id and config."""
    return load(row["environment"])


def at_rest(row: SessionRow) -> bool:
    """Idle, and nothing sent that its owner has not looked at."""
    return row["status"] == "idle" and row["inbox_seq"] == row["seen_seq"]


def insert_session(connection: Connection, row: SessionRow, initial: Sequence[NewEvent]) -> None:
    """With its primary thread and what it begins with."""
    _INSERT.change(connection, **row)
    _INSERT_THREAD.change(connection, **_primary_thread(row))
    if initial:
        put_into_inbox(connection, row["id"], initial)


def end_session(connection: Connection, row: SessionRow) -> SessionRow:
    """Archive one whose row is held: its owner loses it."""
    now = now_us()
    ended = {"status": "terminated", "archived_at": now, "updated_at": now}
    values = {**ended, "fence": row["fence"] + 1, "due_at": None, "owner": None}
    connection.execute(update(sessions).where(sessions.c.id == row["id"]).values(values))
    connection.execute(update(threads).where(threads.c.session_id == row["id"]).values(ended))
    return {**row, **values}


def _usable_agent(connection: Connection, workspace: str, agent_id: str, version: int | None) -> JsonObject:
    if not is_id("agent", agent_id):
        raise not_found("Agent not found.")
    known = known_agent(connection, workspace, agent_id)
    if known is None:
        raise not_found("Agent not found.")
    if known["archived_at"] is not None:
        raise invalid(f"agent {agent_id} is archived and cannot be used to create a session")
    if version is not None and version > known["version"]:
        raise not_found(f"agent.version: {version} not found")
    return get_agent(connection, workspace, agent_id, version)


def _usable_environment(connection: Connection, workspace: str, environment_id: str) -> JsonObject:
    environment = environments.get(connection, workspace, environment_id)
    if environment["archived_at"] is not None:
        raise invalid(f"Environment {environment_id} is archived.", code="environment_archived")
    not_yet.refuse_environment(environment["config"])
    return environment


def new_session(
    workspace: str, create: SessionCreate, agent: JsonObject, environment: JsonObject, *, running: bool
) -> SessionRow:
    """The row of a session of this snapshot of an agent."""
    now = now_us()
    return {
        "id": new_id("sesn"),
        "workspace_id": workspace,
        "agent_id": agent["id"],
        "agent_version": agent["version"],
        "environment_id": environment["id"],
        "deployment_id": None,
        "thread_id": new_id("sthr"),
        "title": create.title,
        "metadata": dump(create.metadata or {}),
        "agent": dump(agent),
        "environment": dump({"id": environment["id"], "config": environment["config"]}),
        "status": "running" if running else "idle",
        "usage": "{}",
        "active_us": 0,
        "running_since": None,
        "created_at": now,
        "updated_at": now,
        "archived_at": None,
        "head": 0,
        "last_at": now,
        "inbox_seq": 0,
        "seen_seq": 0,
        "fence": 0,
        "due_at": None,
        "owner": None,
        "host": None,
        "resources": None,
        "skills": None,
        "dream_id": None,
        "vault_ids": None,
        "outputs": None,
        "outcomes": None,
        "budget": None if create.budget is None else dump(create.budget.model_dump()),
    }


def _primary_thread(session: JsonObject) -> JsonObject:
    agent = load(session["agent"])
    agent.pop("multiagent", None)
    return {
        "id": session["thread_id"],
        "session_id": session["id"],
        "parent_thread_id": None,
        "agent": dump(agent),
        "status": session["status"],
        "usage": None,
        "active_us": 0,
        "running_since": None,
        "startup_us": None,
        "created_at": session["created_at"],
        "updated_at": session["created_at"],
        "archived_at": None,
        "workflow_run_id": None,
    }
