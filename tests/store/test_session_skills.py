"""The skills of all of a session's agents, settled in one row."""

import json
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from journeyman.skills.bundle import Bundle, File
from journeyman.skills.catalogue import Catalogue
from journeyman.store.database import Database
from journeyman.store.skills import Skills
from journeyman.store.tables import skill_versions
from journeyman.store.tables import skills as skills_table
from journeyman.wire.errors import ApiError
from journeyman.wire.ids import new_id
from journeyman.wire.skills import skills_of

from .world import World

READING = [{"type": "agent_toolset_20260401"}]


def bundle(name: str) -> Bundle:
    return Bundle(name, "Does.", [File("SKILL.md", b"")])


def custom(skill_id: str, version: str = "latest") -> dict[str, Any]:
    return {"type": "custom", "skill_id": skill_id, "version": version}


async def make(skills: Skills, name: str) -> Any:
    version = new_id("skver")
    return await skills.create("default", bundle(name), None, version, f"skills/{version}", 1)


def told(session: Any, agent: Any) -> list[tuple[str, str]]:
    return [(each["directory"], each["id"]) for each in skills_of(json.loads(session["skills"]), agent)]


async def test_each_agent_finds_its_own(world: World, database: Database) -> None:
    """facts 14.6: equal ones are one, `latest` is the same for all, other versions have directories of their own."""
    skills = Skills(database, Catalogue())
    made = await make(skills, "one")
    there, first = made["id"], made["latest_id"]
    second = await skills.add_version("default", there, bundle("one"), new_id("skver"), "skills/second", 1)
    other = await make(skills, "two")
    by_number = await world.agent(tools=READING, skills=[custom(there, second["number"]), custom(other["id"])])
    older = await world.agent(tools=READING, skills=[custom(other["id"]), custom(there, first)])
    without = await world.agent()
    lead = await world.agent(
        tools=READING,
        skills=[custom(there)],
        multiagent={"type": "coordinator", "agents": [{"type": "self"}, older["id"], by_number["id"], without["id"]]},
    )
    session = await world.session(agent=lead["id"])
    newest = ("one", second["id"])
    assert told(session, lead) == [newest]
    assert told(session, by_number) == [newest, ("two", other["latest_id"])]
    assert told(session, older) == [("two", other["latest_id"]), ("one-2", first)]
    assert told(session, without) == []
    assert told(session, {"type": "inline", "skills": lead["skills"]}) == [newest]
    # Of a session that was made before there were rosters.
    plain = [{key: value for key, value in each.items() if key != "asked"} for each in json.loads(session["skills"])]
    assert skills_of(plain, lead) == plain


async def test_at_most_500_over_all_agents(world: World, database: Database) -> None:
    """facts 5.8: counted after equal ones are one."""
    ids = [(new_id("skill"), new_id("skver")) for _ in range(501)]

    def work(connection: Connection) -> None:
        for place, (skill, version) in enumerate(ids):
            row = {"id": skill, "workspace_id": "default", "name": f"s{place}", "latest_id": version}
            row |= {"display_name": "s", "created_at": 1, "updated_at": 1}
            connection.execute(insert(skills_table).values(row))
            row = {"id": version, "skill_id": skill, "description": "d", "created_at": 1, "blob": "b", "size": 1}
            connection.execute(insert(skill_versions).values(row))

    await database.write(work)
    half = [custom(skill) for skill, _ in ids[:300]]
    rest = [custom(skill) for skill, _ in ids[200:]]
    worker = await world.agent(tools=READING, skills=rest[:-1])
    more = await world.agent(tools=READING, skills=rest)
    lead = await world.agent(
        tools=READING, skills=half, multiagent={"type": "coordinator", "agents": [worker["id"], {"type": "self"}]}
    )
    session = await world.session(agent=lead["id"])
    assert len(json.loads(session["skills"])) == 500
    too_many = await world.agent(tools=READING, skills=half, multiagent={"type": "coordinator", "agents": [more["id"]]})
    with pytest.raises(ApiError) as caught:
        await world.session(agent=too_many["id"])
    text = "agent.skills: a session can have at most 500 skills over all its agents, got 501"
    assert (caught.value.status, caught.value.message) == (400, text)


async def test_no_skills_leave_no_trace(world: World) -> None:
    session = await world.session(agent=(await world.agent())["id"])
    assert session["skills"] is None
