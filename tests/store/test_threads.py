"""Reading threads."""

import pytest

from journeyman.wire.errors import ApiError
from journeyman.wire.lists import thread_list

from .world import World


async def test_a_session_has_its_primary_thread(world: World) -> None:
    """facts 21.1: the primary thread has no parent, and stats only once it has run."""
    session = await world.session()
    page = await world.threads.list(world.workspace, session["id"], thread_list([]))
    assert [row["id"] for row in page.items] == [session["thread_id"]]
    assert page.next_page is None
    primary = page.items[0]
    assert (primary["parent_thread_id"], primary["status"], primary["startup_us"]) == (None, "idle", None)
    assert primary == await world.threads.retrieve(world.workspace, session["id"], session["thread_id"])


async def test_the_statuses_filter(world: World) -> None:
    session = await world.session()
    none = await world.threads.list(world.workspace, session["id"], thread_list([("statuses[]", "running")]))
    assert none.items == []
    found = await world.threads.list(world.workspace, session["id"], thread_list([("statuses[]", "idle")]))
    assert len(found.items) == 1


async def test_it_is_found_only_under_its_own_session_and_workspace(world: World) -> None:
    session, other = await world.session(), await world.session()
    for workspace, session_id in ((world.workspace, other["id"]), ("elsewhere", session["id"])):
        with pytest.raises(ApiError) as caught:
            await world.threads.retrieve(workspace, session_id, session["thread_id"])
        assert caught.value.status == 404
