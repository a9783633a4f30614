"""What the store's tests start from: a workspace with an agent, an environment and sessions in it."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from journeyman.store.agents import Agents
from journeyman.store.database import Database
from journeyman.store.environments import Environments
from journeyman.store.events import Events, NewEvent
from journeyman.store.keys import Keys
from journeyman.store.log import SqlLog
from journeyman.store.port import Batch, Claim, Patch, Row
from journeyman.store.sessions import Sessions
from journeyman.store.threads import Threads
from journeyman.wire import agents, environments, sessions
from journeyman.wire.ids import new_id
from journeyman.wire.lists import event_list
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]


@dataclass
class World:
    """Every part of the store on one database, and one workspace."""

    database: Database
    workspace: str = "default"
    agents: Agents = field(init=False)
    environments: Environments = field(init=False)
    sessions: Sessions = field(init=False)
    events: Events = field(init=False)
    threads: Threads = field(init=False)
    keys: Keys = field(init=False)
    log: SqlLog = field(init=False)

    def __post_init__(self) -> None:
        for name, kind in (
            ("agents", Agents), ("environments", Environments), ("sessions", Sessions), ("events", Events),
            ("threads", Threads), ("keys", Keys), ("log", SqlLog),
        ):  # fmt: skip
            setattr(self, name, kind(self.database))

    async def agent(self, **fields: Any) -> JsonObject:
        return await self.agents.create(self.workspace, agent_body(**fields))

    async def environment(self, **fields: Any) -> JsonObject:
        body = json.dumps({"name": "box", "config": {"type": "cloud"}, **fields}).encode()
        made = environments.materialise(environments.parse_create(body))
        return await self.environments.create(self.workspace, made)

    async def session(self, initial: Sequence[NewEvent] = (), **fields: Any) -> JsonObject:
        """A session of a new agent in a new environment, unless `fields` name them."""
        body = {"agent": fields.pop("agent", None) or (await self.agent())["id"], **fields}
        body.setdefault("environment_id", "")
        body["environment_id"] = body["environment_id"] or (await self.environment())["id"]
        create = sessions.parse_create(json.dumps(body).encode())
        return await self.sessions.create(self.workspace, create, initial)

    async def owned(self, **fields: Any) -> tuple[str, Claim]:
        """A session and its first owner."""
        session = await self.session(**fields)
        claim = await self.log.claim(session["id"])
        assert claim is not None
        return session["id"], claim

    async def send(self, session_id: str, *new: NewEvent) -> None:
        await self.events.send(self.workspace, session_id, new)

    async def listed(self, session_id: str, **query: Any) -> list[JsonObject]:
        """Every event that a client lists, over all pages."""
        found: list[JsonObject] = []
        page = None
        while True:
            pairs = [(key, str(value)) for key, value in query.items()] + ([("page", page)] if page else [])
            answer = await self.events.list(self.workspace, session_id, event_list(pairs))
            found += map(json.loads, answer.items)
            page = answer.next_page
            if page is None:
                return found


def agent_body(**fields: Any) -> JsonObject:
    body = json.dumps({"name": "worker", "model": "claude-sonnet-4-5", **fields}).encode()
    return agents.materialise(agents.parse_create(body))


def message(text: str = "hello") -> NewEvent:
    return NewEvent("user.message", {"content": [{"type": "text", "text": text}]})


class Rows:
    """Makes the rows of one session's log, in order."""

    def __init__(self, claim: Claim) -> None:
        self._thread = claim.thread_id
        self._places = itertools.count(claim.head + 1)

    def row(self, type_: str = "agent.message", *, shown: bool = True, at: int | None = None, **fields: Any) -> Row:
        at = now_us() if at is None else at
        event_id = fields.pop("id", None) or new_id("sevt")
        body = {"id": event_id, "type": type_, **fields, "processed_at": to_wire(at)}
        return Row(next(self._places), event_id, type_, self._thread, shown, at, body)

    def batch(self, *types: str, taken: Sequence[int] = (), seen: int = 0, **fields: Any) -> Batch:
        return Batch([self.row(type_, **fields) for type_ in types or ("agent.message",)], taken=list(taken), seen=seen)


RUNNING = Patch("running", running_since=1)
IDLE = Patch("idle", {"input_tokens": 3}, 1_000)
