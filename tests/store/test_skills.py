"""Skills in the database: whose they are, which version is the latest, which blobs are in use."""

from typing import Any

import pytest

from journeyman.skills.bundle import Bundle, File
from journeyman.skills.catalogue import Catalogue
from journeyman.store.database import Database
from journeyman.store.skills import Skills
from journeyman.wire.errors import ApiError
from journeyman.wire.ids import new_id
from journeyman.wire.skills import skill_list, version_list

BUNDLE = Bundle("one", "Does.", [File("SKILL.md", b"")])


async def refusal(awaitable: Any) -> int:
    with pytest.raises(ApiError) as caught:
        await awaitable
    return caught.value.status


async def make(skills: Skills, workspace: str = "default") -> Any:
    version = new_id("skver")
    return await skills.create(workspace, BUNDLE, None, version, f"skills/{version}", 1)


async def test_one_workspace_does_not_see_anothers(database: Database) -> None:
    skills = Skills(database, Catalogue())
    made = await make(skills)
    there, version = made["id"], made["latest_id"]
    for call in (
        skills.retrieve("elsewhere", there),
        skills.version("elsewhere", there, "latest"),
        skills.versions("elsewhere", there, version_list([])),
        skills.delete_version("elsewhere", there, version, last_too=True),
        skills.add_version("elsewhere", there, BUNDLE, new_id("skver"), "skills/x", 1),
        skills.delete("elsewhere", there),
    ):
        assert await refusal(call) == 404
    assert (await skills.list("elsewhere", skill_list([("source", "custom")]), empty=True)).items == []
    assert await skills.retrieve("default", there) == made


async def test_the_latest_version_is_the_newest_that_is_left(database: Database) -> None:
    skills = Skills(database, Catalogue())
    made = await make(skills)
    there, first = made["id"], made["latest_id"]
    second = await skills.add_version("default", there, BUNDLE, new_id("skver"), "skills/second", 1)
    assert (await skills.version("default", there, "latest")) == second
    assert (await skills.retrieve("default", there))["latest_id"] == second["id"]
    assert await skills.version("default", there, second["number"]) == second
    renamed = BUNDLE._replace(name="two")
    assert await refusal(skills.add_version("default", there, renamed, new_id("skver"), "skills/x", 1)) == 400
    assert await skills.named(["skills/second", "skills/none"]) == {"skills/second"}
    await skills.delete_version("default", there, "latest", last_too=False)
    assert (await skills.retrieve("default", there))["latest_id"] == first
    assert await refusal(skills.delete_version("default", there, first, last_too=False)) == 400
    await skills.delete_version("default", there, first, last_too=True)
    assert await refusal(skills.version("default", there, "latest")) == 404
    only = skill_list([("source", "custom")])
    assert (await skills.list("default", only, empty=False)).items == []
    (left,) = (await skills.list("default", only, empty=True)).items
    assert (left["id"], left["latest_id"]) == (there, None)


async def test_lists_end_with_the_built_in_ones(database: Database) -> None:
    skills = Skills(database, Catalogue())
    made = [(await make(skills))["id"] for _ in range(3)]
    listed: list[str] = []
    page: str | None = None
    while True:
        query = skill_list([("limit", "2"), *([("page", page)] if page else [])])
        found = await skills.list("default", query, empty=False)
        listed += [each["id"] for each in found.items]
        page = found.next_page
        if page is None:
            break
    assert listed == [*made[::-1], "xlsx", "pptx", "pdf", "docx"]
