"""Dreams as rows: what they become, whichever process takes their steps (facts 20; the page on dreams)."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import update

from journeyman.store.dreaming import Dreaming
from journeyman.store.dreams import Dreams
from journeyman.store.memories import Actor, Memories
from journeyman.store.memory_stores import MemoryStores
from journeyman.store.memory_versions import MemoryVersions
from journeyman.store.mounted import MountedMemories
from journeyman.store.port import Batch, Edit, Followed, Held, Opening
from journeyman.store.tables import dreams as dreams_table
from journeyman.store.tables import memories as memories_table
from journeyman.wire import dreams as wire
from journeyman.wire.errors import ApiError
from journeyman.wire.memories import MemoryCreate, memory_list, version_list
from journeyman.wire.memory_stores import MemoryStoreCreate, store_list
from journeyman.wire.times import now_us

from .conftest import Open, opened
from .world import IDLE, RUNNING, Rows, World, message

JsonObject = dict[str, Any]

OPENING = Opening(
    {"id": "agent_" + "1" * 24, "version": 1, "model": {"id": "scripted"}, "skills": []},
    {"id": "env_" + "1" * 24, "config": {"type": "cloud"}},
    "Rework it.",
)
KEY = Actor("api_actor", "apikey_1")
SPENT = {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 1, "cache_creation_input_tokens": 4}


class Night:
    """A store with a memory, sessions, and the dreams over them."""

    def __init__(self, world: World, at_once: int = 0, timeout: float = 3600.0) -> None:
        self.world = world
        self.stores = MemoryStores(world.database)
        self.dreams = Dreams(world.database)
        self.dreaming = Dreaming(world.database, at_once, timeout)

    async def prepare(self) -> "Night":
        about = MemoryStoreCreate(name="Prefs", description="What is known.", metadata={"a": "1"})
        self.store: str = (await self.stores.create(self.world.workspace, about))["id"]
        memories = Memories(self.world.database)
        create = MemoryCreate(path="/a.md", content="tabs")
        await memories.create(self.world.workspace, self.store, create, KEY, "basic")
        self.sessions: list[str] = [(await self.world.session())["id"] for _ in range(2)]
        return self

    async def make(self, *, in_place: bool = False, **fields: Any) -> JsonObject:
        inputs = [
            {"type": "memory_store", "memory_store_id": self.store},
            {"type": "sessions", "session_ids": self.sessions[::-1]},
        ]
        if in_place:
            fields["output_behavior"] = {"type": "update_existing", "memory_store_id": self.store}
        body = json.dumps({"inputs": inputs, "model": "scripted", **fields}).encode()
        return await self.dreams.create(self.world.workspace, wire.parse_create(body))

    async def look(self) -> list[Followed | None]:
        """What a process does when it looks after dreams."""
        return [await self.dreaming.advance(each.id, OPENING) for each in await self.dreaming.due()]

    async def begun(self, **fields: Any) -> JsonObject:
        made = await self.make(**fields)
        await self.look()
        return await self.get(made)

    async def get(self, dream: JsonObject) -> JsonObject:
        return await self.dreams.retrieve(self.world.workspace, dream["id"])

    async def play(self, dream: JsonObject, *, stop: str | None = "end_turn", **error: Any) -> None:
        """The session's part: it asks a model once, and rests unless `stop` is None."""
        claim = await self.world.log.claim(dream["session_id"])
        assert claim is not None
        items, end = await self.world.log.inbox(claim.session_id)
        rows = Rows(claim)
        said = [rows.row("session.status_running"), rows.row("span.model_request_end", model_usage=SPENT)]
        taken = [item.seq for item in items]
        await self.world.log.append(claim.session_id, claim.fence, Batch(said, RUNNING, taken, seen=end))
        if stop is None:
            return
        last = [rows.row("session.error", error=error)] if error else []
        last.append(rows.row("session.status_idle", stop_reason={"type": stop}))
        assert await self.world.log.append(claim.session_id, claim.fence, Batch(last, IDLE, seen=end))

    async def contents(self, store: str) -> dict[str, str]:
        found = await Memories(self.world.database).list(self.world.workspace, store, memory_list([("view", "full")]))
        return {item["path"]: item["content"] for item in found.items}

    async def status(self, session_id: str) -> str:
        return (await self.world.sessions.retrieve(self.world.workspace, session_id))["status"]


@pytest.fixture
async def night(world: World) -> Night:
    return await Night(world).prepare()


async def test_pending(night: Night) -> None:
    """facts 20.2: zeros first, nothing begun; the sessions sorted."""
    made = await night.make(instructions="Be brief.")
    assert made == {
        "id": made["id"], "type": "dream", "status": "pending", "outputs": [], "session_id": None, "error": None,
        "inputs": [
            {"type": "memory_store", "memory_store_id": night.store},
            {"type": "sessions", "session_ids": sorted(night.sessions)},
        ],
        "output_behavior": {"type": "create_new"}, "model": {"id": "scripted", "speed": "standard"},
        "instructions": "Be brief.", "ended_at": None, "archived_at": None, "created_at": made["created_at"],
        "usage": dict.fromkeys(SPENT, 0),
    }  # fmt: skip
    assert await night.get(made) == made


async def test_inputs_that_are_not_there(night: Night) -> None:
    """The field is named; what another workspace has is not there either."""
    other = await Night(World(night.world.database, workspace="other")).prepare()
    session, store = night.sessions[0], night.store
    for night.sessions in ([session, other.sessions[0]], [session, "sesn_01unknown"]):
        with pytest.raises(ApiError, match=r"^inputs.1.session_ids.0: session \S+ not found$") as caught:
            await night.make()
        assert caught.value.status == 404
    night.sessions = [session]
    for night.store in (other.store, "memstore_01unknown"):
        with pytest.raises(ApiError, match=r"^inputs.0.memory_store_id: memory store \S+ not found$") as caught:
            await night.make()
        assert caught.value.status == 404
    night.store = store
    await night.stores.archive(night.world.workspace, store)
    with pytest.raises(ApiError, match=r"^inputs.0.memory_store_id: memory store \S+ is archived$") as caught:
        await night.make()
    assert caught.value.status == 400
    made = await other.make()
    for act in (night.dreams.retrieve, night.dreams.cancel, night.dreams.archive):
        with pytest.raises(ApiError, match="Dream not found"):
            await act(night.world.workspace, made["id"])
    assert not (await night.dreams.list(night.world.workspace, wire.dream_list([]))).items


async def test_begun(night: Night) -> None:
    """A copy of the store with its name, made by the session; the session's first words are in its inbox."""
    dream = await night.begun()
    ((output,),) = (dream["outputs"],)
    assert (dream["status"], output["type"]) == ("running", "memory_store")
    copy = await night.stores.retrieve(night.world.workspace, output["memory_store_id"])
    source = await night.stores.retrieve(night.world.workspace, night.store)
    assert copy["id"] != source["id"]
    for key in ("name", "description", "metadata"):
        assert copy[key] == source[key]
    assert await night.contents(copy["id"]) == {"/a.md": "tabs"}
    versions = await MemoryVersions(night.world.database).list(night.world.workspace, copy["id"], version_list([]))
    assert [each["created_by"]["session_id"] for each in versions.items] == [dream["session_id"]]
    listed = await night.world.listed(dream["session_id"])
    assert [event["content"][0]["text"] for event in listed] == ["Rework it."]
    claim = await night.world.log.claim(dream["session_id"])
    assert claim is not None
    assert claim.dream_id == dream["id"]
    assert [each["memory_store_id"] for each in claim.memory_stores] == [copy["id"]]


async def test_edits_of_a_copy(night: Night) -> None:
    """A copied memory is one like any other: it can be changed, and the source is what it was."""
    dream = await night.begun()
    output = dream["outputs"][0]["memory_store_id"]
    mounted = MountedMemories(night.world.database)
    assert (await mounted.changes([output]))[output] == 1
    ((path, sha256),) = (await mounted.listing(output)).items()
    held = Held(sha256, 4, 1)
    assert await mounted.apply(dream["session_id"], output, Edit(path, "spaces", held, 6, 2)) == "saved"
    assert await mounted.apply(dream["session_id"], output, Edit("/b.md", "new", None, 3, 2)) == "saved"
    assert await night.contents(output) == {"/a.md": "spaces", "/b.md": "new"}
    assert await night.contents(night.store) == {"/a.md": "tabs"}


async def test_of_several_processes_one_begins_and_one_ends_it(night: Night, backend: Open) -> None:
    async with opened(backend()) as second, opened(backend()) as third:
        every = [night.dreaming, Dreaming(second, 0, 3600), Dreaming(third, 0, 3600)]
        made = await night.make()
        followed = await asyncio.gather(*(each.advance(made["id"], OPENING) for each in every * 3))
        if not any(followed):  # each met another one's lock
            followed = [await every[0].advance(made["id"], OPENING)]
        (begun,) = filter(None, followed)
        dream = await night.get(made)
        assert dream["session_id"] == begun.session_id
        assert len((await night.stores.list(night.world.workspace, store_list([]))).items) == 2
        await night.play(dream)
        followed = await asyncio.gather(*(each.advance(made["id"], OPENING) for each in every * 3))
        assert list(filter(None, followed)) == [Followed(begun.session_id, is_over=True)]
    assert (await night.get(made))["status"] == "completed"


async def test_completed(night: Night) -> None:
    """What its session used is its usage; the session is archived with it, and nothing is due any more."""
    dream = await night.begun()
    assert await night.dreaming.due() == []
    await night.play(dream, stop=None)
    running = await night.get(dream)
    assert (running["status"], running["usage"]) == ("running", SPENT)
    assert await night.dreaming.due() == []
    await night.play(dream)
    assert await night.look() == [Followed(dream["session_id"], is_over=True)]
    ended = await night.get(dream)
    assert (ended["status"], ended["error"]) == ("completed", None)
    assert ended["usage"] == {key: 2 * value for key, value in SPENT.items()}
    assert ended["ended_at"] > ended["created_at"]
    assert await night.status(dream["session_id"]) == "terminated"
    await night.world.sessions.delete(night.world.workspace, dream["session_id"])
    assert await night.get(dream) == ended
    assert await night.dreaming.due() == []


async def test_retries_exhausted(night: Night) -> None:
    """The session's last error is the dream's."""
    dream = await night.begun()
    await night.play(dream, stop="retries_exhausted", type="model_request_failed_error", message="no such model")
    await night.look()
    ended = await night.get(dream)
    assert (ended["status"], ended["error"]) == ("failed", {"type": "internal_error", "message": "no such model"})
    assert ended["outputs"] == dream["outputs"]


async def test_canceled_while_pending(night: Night) -> None:
    """At once, without a session; again is the same."""
    made = await night.make()
    canceled, followed = await night.dreams.cancel(night.world.workspace, made["id"])
    assert (canceled["status"], canceled["session_id"], followed) == ("canceled", None, None)
    assert canceled["ended_at"] is not None
    assert await night.dreams.cancel(night.world.workspace, made["id"]) == (canceled, None)
    assert await night.dreaming.due() == []


async def test_canceled_while_running(night: Night) -> None:
    """At once; its session is interrupted, and archived when it rests. Until then its usage can change."""
    dream = await night.begun(in_place=True)
    await night.play(dream, stop=None)
    canceled, followed = await night.dreams.cancel(night.world.workspace, dream["id"])
    assert canceled["status"] == "canceled"
    assert followed is not None
    assert (followed.session_id, followed.is_over) == (dream["session_id"], False)
    items, _ = await night.world.log.inbox(dream["session_id"])
    assert [item.type for item in items] == ["user.interrupt"]
    assert await night.dreams.cancel(night.world.workspace, dream["id"]) == (canceled, None)
    assert await night.dreaming.due() == []
    with pytest.raises(ApiError, match="still updates") as caught:
        await night.make(in_place=True)
    assert (caught.value.status, caught.value.type) == (409, "conflict_error")
    await night.play(dream)
    assert await night.look() == [Followed(dream["session_id"], is_over=True)]
    settled = await night.get(dream)
    assert settled == {**canceled, "usage": {key: 2 * value for key, value in SPENT.items()}}
    assert (await night.make(in_place=True))["status"] == "pending"


async def test_what_is_over_stays_so(night: Night) -> None:
    """facts 20.2: canceling it is a 400; archiving is for what is over, and idempotent."""
    dream = await night.begun()
    with pytest.raises(ApiError, match='cannot be archived while its status is "running"') as caught:
        await night.dreams.archive(night.world.workspace, dream["id"])
    assert caught.value.status == 400
    await night.play(dream)
    await night.look()
    with pytest.raises(ApiError, match='cannot be canceled while its status is "completed"') as caught:
        await night.dreams.cancel(night.world.workspace, dream["id"])
    assert caught.value.status == 400
    archived = await night.dreams.archive(night.world.workspace, dream["id"])
    assert (archived["status"], archived["archived_at"] is None) == ("completed", False)
    assert await night.dreams.archive(night.world.workspace, dream["id"]) == archived


async def test_a_store_is_updated_by_one_dream(night: Night) -> None:
    """facts 20.1: 409 also of two that come at once; dreams that only read it do not mind."""
    found = await asyncio.gather(*(night.make(in_place=True) for _ in range(4)), return_exceptions=True)
    refused = [each for each in found if isinstance(each, ApiError)]
    assert [each.status for each in refused] == [409] * 3
    assert {each.headers["x-should-retry"] for each in refused} == {"false"}
    dream = await night.begun()
    assert dream["status"] == "running"


async def test_at_once(world: World) -> None:
    """A workspace's turn does not wait for another's; who waits is pending, and begins when one is over."""
    night = await Night(world, at_once=1).prepare()
    other = await Night(World(world.database, workspace="other"), at_once=1).prepare()
    first, second, others = await night.make(), await night.make(), await other.make()
    await night.look()
    states = [(await night.get(each))["status"] for each in (first, second)]
    assert [*states, (await other.get(others))["status"]] == ["running", "pending", "running"]
    await night.look()
    assert (await night.get(second))["status"] == "pending"
    await night.play(await night.get(first))
    await night.look()
    await night.look()
    assert (await night.get(second))["status"] == "running"


@pytest.mark.parametrize("how", ["archive", "delete"])
@pytest.mark.parametrize("in_place", [False, True])
async def test_the_store_is_gone(night: Night, how: str, in_place: bool) -> None:
    """Before the dream begins it fails; later only a dream does that writes to it: others have their copy."""
    pending = await night.make()
    running = await night.make(in_place=in_place)
    assert await night.dreaming.advance(running["id"], OPENING) is not None
    await getattr(night.stores, how)(night.world.workspace, night.store)
    await night.look()
    ended = await night.get(pending)
    assert (ended["status"], ended["session_id"]) == ("failed", None)
    told = f"The memory store {night.store} was {how}d."
    assert ended["error"] == {"type": "input_memory_store_unavailable", "message": told}
    running = await night.get(running)
    assert running["status"] == ("failed" if in_place else "running")
    if in_place:
        assert running["error"] == ended["error"]
        items, _ = await night.world.log.inbox(running["session_id"])
        assert [item.type for item in items] == ["user.message", "user.interrupt"]
        await night.play(running)
        await night.look()
        assert await night.status(running["session_id"]) == "terminated"


async def test_a_session_is_deleted(night: Night) -> None:
    """Whenever it happens before the end: what it said is not to be carried on. What it had used stays as it was."""
    pending, running = await night.make(), await night.make()
    await night.dreaming.advance(running["id"], OPENING)
    running = await night.get(running)
    await night.play(running, stop=None)
    await night.world.sessions.archive(night.world.workspace, night.sessions[0])
    assert [each.id for each in await night.dreaming.due()] == [pending["id"]], "archived ones can be read"
    await night.world.sessions.delete(night.world.workspace, night.sessions[1])
    await night.look()
    for each in (pending, running):
        ended = await night.get(each)
        told = f"The session {night.sessions[1]} was deleted."
        assert ended["error"] == {"type": "input_session_unavailable", "message": told}
        assert ended["status"] == "failed"
    await night.play(running)
    await night.look()
    assert (await night.get(running))["usage"] == SPENT


async def test_the_output_is_deleted(night: Night) -> None:
    dream = await night.begun()
    output = dream["outputs"][0]["memory_store_id"]
    await night.stores.delete(night.world.workspace, output)
    await night.look()
    assert (await night.get(dream))["error"]["type"] == "internal_error"


async def test_timeout(world: World) -> None:
    """A dream that runs for too long fails, and its session is cut."""
    night = await Night(world, timeout=60).prepare()
    dream = await night.begun()
    await night.play(dream, stop=None)
    assert await night.dreaming.due() == []
    earlier = update(dreams_table).values(began_at=now_us() - 61_000_000)
    await world.database.write(lambda connection: connection.execute(earlier) and None)
    (followed,) = await night.look()
    assert followed is not None
    assert not followed.is_over
    assert (await night.get(dream))["error"] == {
        "type": "timeout",
        "message": "The dream ran for more than 60 seconds.",
    }


async def test_too_large(night: Night) -> None:
    large = update(memories_table).values(size=(64 << 20) + 1)
    await night.world.database.write(lambda connection: connection.execute(large) and None)
    dream = await night.begun()
    assert (dream["status"], dream["error"]["type"]) == ("failed", "input_memory_store_too_large")
    assert dream["usage"] == dict.fromkeys(SPENT, 0)


async def test_its_session(night: Night) -> None:
    """It takes no orders but the dream's: clients cannot talk to it, nor delete it before its end."""
    dream = await night.begun()
    with pytest.raises(ApiError, match=f"runs dream {dream['id']} and accepts no events"):
        await night.world.send(dream["session_id"], message())
    await night.play(dream)
    with pytest.raises(ApiError, match=f"Cannot delete session while it runs dream {dream['id']}"):
        await night.world.sessions.delete(night.world.workspace, dream["session_id"])
    await night.world.sessions.archive(night.world.workspace, dream["session_id"])
    await night.look()
    assert (await night.get(dream))["status"] == "completed"


async def test_transcripts(night: Night) -> None:
    """As they were when the dream began: what is said later is not in them."""
    session = night.sessions[0]
    claim = await night.world.log.claim(session)
    assert claim is not None
    rows = Rows(claim)
    many = Batch([rows.row(content=[]) for _ in range(450)])
    await night.world.log.append(session, claim.fence, many)
    dream = await night.begun()
    await night.world.log.append(session, claim.fence, Batch([rows.row(content=[])]))
    first, second = await night.dreaming.transcripts(dream["id"])
    assert [first.session_id, second.session_id] == sorted(night.sessions)
    assert (first.head, second.head) == (450, 0)
    seen, after = 0, 0
    while events := await night.dreaming.said(session, after, first.head):
        seen, after = seen + len(events), events[-1][0]
    assert seen == 450
    assert await night.dreaming.said(night.sessions[1], 0, 0) == []


async def test_lists(night: Night) -> None:
    """facts 4.5: newest first, archived hidden, filtered by status and time; cursors of other lists are refused."""
    made = [await night.make() for _ in range(5)]
    ids = [each["id"] for each in made][::-1]
    await night.dreams.cancel(night.world.workspace, ids[0])
    await night.dreams.archive(night.world.workspace, ids[0])
    await night.dreams.cancel(night.world.workspace, ids[1])

    async def listed(*pairs: tuple[str, str]) -> list[str]:
        page = await night.dreams.list(night.world.workspace, wire.dream_list(pairs))
        found = [each["id"] for each in page.items]
        return found + (await listed(*pairs, ("page", page.next_page)) if page.next_page else [])

    assert await listed() == ids[1:]
    assert await listed(("limit", "2")) == ids[1:]
    assert await listed(("include_archived", "true"), ("limit", "1")) == ids
    assert await listed(("statuses", "canceled")) == [ids[1]]
    assert await listed(("statuses", "canceled"), ("statuses", "pending")) == ids[1:]
    assert await listed(("statuses", "failed")) == []
    middle = made[2]["created_at"]
    assert await listed(("created_at[gt]", middle)) == [ids[1]]
    assert await listed(("created_at[lt]", middle)) == ids[3:]
    page = (await night.stores.list(night.world.workspace, store_list([]))).next_page
    assert page is None
    with pytest.raises(ApiError, match="invalid page cursor"):
        await listed(("page", "page_x"))
