"""What agents make of memory stores, and what is kept of it."""

import asyncio

from journeyman.store.memories import Actor, Memories
from journeyman.store.memory_stores import MemoryStores
from journeyman.store.memory_versions import MemoryVersions
from journeyman.store.mounted import MountedMemories
from journeyman.store.port import Edit, Held
from journeyman.wire.memories import MOST_MEMORIES, MemoryCreate, memory_list, version_list
from journeyman.wire.memory_stores import MemoryStoreCreate
from journeyman.wire.times import now_us

from .world import World

KEY = Actor("api_actor", "apikey_1")


async def store(world: World, **files: str) -> str:
    made = await MemoryStores(world.database).create(world.workspace, MemoryStoreCreate(name="one"))
    for path, content in files.items():
        create = MemoryCreate(path=f"/{path}", content=content)
        await Memories(world.database).create(world.workspace, made["id"], create, KEY, "basic")
    return made["id"]


async def contents(world: World, place: str) -> dict[str, str]:
    found = await Memories(world.database).list(world.workspace, place, memory_list([("view", "full")]))
    return {item["path"]: item["content"] for item in found.items}


async def operations(world: World, place: str) -> list[str]:
    found = await MemoryVersions(world.database).list(world.workspace, place, version_list([]))
    return [item["operation"] for item in found.items][::-1]


async def test_an_edit_that_is_applied_again_is_one_version(world: World) -> None:
    """As after a death between the database's commit and everything else."""
    place, mounted = await store(world), MountedMemories(world.database)
    edit = Edit("/a", "text", None, 4, 1)
    for _ in range(2):
        assert await mounted.apply("sesn_1", place, edit) == "saved"
    held = (await mounted.held("sesn_1", place))["/a"]
    assert (held.size, held.changed) == (4, 1)
    gone = Edit("/a", None, held)
    for _ in range(2):
        assert await mounted.apply("sesn_1", place, gone) == "saved"
    assert not await mounted.held("sesn_1", place)
    assert await operations(world, place) == ["created", "deleted"]


async def test_the_store_wins(world: World) -> None:
    """Changed, removed or made by others meanwhile: the agent's edit changes nothing."""
    place, mounted = await store(world, a="theirs"), MountedMemories(world.database)
    stale = Held("0" * 64, 3, 1)
    for edit in (Edit("/a", "mine", stale), Edit("/a", "mine", None), Edit("/a", None, stale), Edit("/b", "x", stale)):
        assert await mounted.apply("sesn_1", place, edit) == "conflict"
    assert await contents(world, place) == {"/a": "theirs"}


async def test_of_several_sessions_at_once_one_writes(world: World) -> None:
    place, mounted = await store(world), MountedMemories(world.database)
    edits = [mounted.apply(f"sesn_{number}", place, Edit("/a", f"by {number}", None)) for number in range(8)]
    assert sorted(await asyncio.gather(*edits)) == ["conflict"] * 7 + ["saved"]
    assert await operations(world, place) == ["created"]


async def test_what_is_refused(world: World) -> None:
    """It says why, and changes nothing."""
    place, mounted = await store(world, a="x"), MountedMemories(world.database)
    assert "taken" in await mounted.apply("sesn_1", place, Edit("/a/below", "x", None))
    await MemoryStores(world.database).archive(world.workspace, place)
    assert "archived" in await mounted.apply("sesn_1", place, Edit("/b", "x", None))
    await MemoryStores(world.database).delete(world.workspace, place)
    assert "deleted" in await mounted.apply("sesn_1", place, Edit("/b", "x", None))
    assert MOST_MEMORIES == 10_000


async def test_old_versions_go_and_the_last_ones_stay(world: World) -> None:
    """facts 19.4: kept 30 days; the one that a memory has now for as long as the memory."""
    place, mounted = await store(world, a="one"), MountedMemories(world.database)
    held = Held((await mounted.listing(place))["/a"], 3, 1)
    await mounted.apply("sesn_1", place, Edit("/a", "two", held))
    versions = MemoryVersions(world.database)
    assert not await versions.purge(now_us() - 60_000_000)
    assert await operations(world, place) == ["created", "modified"]
    assert not await versions.purge(now_us() + 1)
    assert await operations(world, place) == ["modified"]
    assert await contents(world, place) == {"/a": "two"}
