"""What the skills of a session's agents are when it is made."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from journeyman.skills.catalogue import Catalogue
from journeyman.store.skills import find_skill
from journeyman.wire.rosters import all_agents
from journeyman.wire.skills import check_count, check_readable, unresolved

JsonObject = dict[str, Any]


def pin_all(
    connection: Connection, workspace: str, catalogue: Catalogue, agent: Mapping[str, Any]
) -> Sequence[JsonObject]:
    """Each once, with a directory of its own, and the versions by which its agents asked for it. Raises 400."""
    pinned: dict[tuple[str, str], JsonObject] = {}
    missing: list[Mapping[str, Any]] = []
    for path, each in all_agents(agent):
        check_readable(path, each)
        for wanted in each["skills"]:
            skill = find_skill(connection, workspace, catalogue, wanted)
            if skill is None:
                missing += [wanted] if wanted not in missing else []
                continue
            directory = _free(skill["name"], pinned.values())
            known = pinned.setdefault((skill["skill_id"], skill["id"]), {**skill, "directory": directory, "asked": []})
            known["asked"] += [wanted["version"]] if wanted["version"] not in known["asked"] else []
    if missing:
        raise unresolved(missing)
    check_count(list(pinned.values()))
    return list(pinned.values())


def _free(name: str, before: Iterable[JsonObject]) -> str:
    taken = {each["directory"] for each in before}
    number = 1
    while (directory := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return directory
