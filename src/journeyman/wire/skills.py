"""Skills: what an agent may read, and what the API takes and says of uploaded ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from journeyman.wire import toolset
from journeyman.wire.errors import ApiError, invalid, not_found
from journeyman.wire.json_value import Json
from journeyman.wire.lists import Query, files_page, text_of
from journeyman.wire.parse_error import bad_value, quote
from journeyman.wire.strict import NonEmpty, Strict

LATEST = "latest"
MOST_BYTES = 30 * 1024 * 1024
"""Of an upload, and of its files when they are unpacked."""
MOST_OF_A_SESSION = 500
_SOURCES = ("custom", "anthropic", "anthropic_example", "plugin")
_NO_READ = (
    "Missing required tool: skills require the read tool to be usable (enabled and not always_deny) on the session's "
    "`agent_toolset`"
)


class AnthropicSkillParams(Strict):
    """A built-in skill, by its short name."""

    type: Literal["anthropic"]
    skill_id: NonEmpty
    version: NonEmpty | None = None


class CustomSkillParams(Strict):
    """An uploaded skill."""

    type: Literal["custom"]
    skill_id: NonEmpty
    version: NonEmpty | None = None


SkillParams: TypeAlias = Annotated[AnthropicSkillParams | CustomSkillParams, Field(discriminator="type")]
Skills: TypeAlias = Annotated[list[SkillParams], Field(max_length=MOST_OF_A_SESSION)]


@dataclass(frozen=True, slots=True)
class SkillList:
    """Skills, newest first, then the built-in ones; no `source` means any."""

    limit: int
    page: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class VersionList:
    """Versions of a skill."""

    limit: int
    page: str | None


def skill_list(query: Query) -> SkillList:
    """Parse; raises ApiError naming the parameter."""
    limit, page = files_page(query)
    source = text_of(query, "source")
    if source is not None and source not in _SOURCES:
        raise invalid(f"source: {bad_value(source, _SOURCES)}")
    return SkillList(limit, page, source)


def version_list(query: Query) -> VersionList:
    """Parse; raises ApiError naming the parameter."""
    return VersionList(*files_page(query))


def display_name(field: str, sent: str | None) -> str | None:
    """A checked label; None when none was sent. Raises ApiError."""
    if not sent:
        return None
    if len(sent) > 255 or not sent.isprintable():
        raise invalid(f"{field}: must be one line of at most 255 characters")
    return sent


def materialise(skills: Sequence[SkillParams]) -> list[Json]:
    """The stored form; `latest` stays as it is. Raises ApiError for a skill that is named twice."""
    seen: set[str] = set()
    for skill in skills:
        if skill.skill_id in seen:
            raise invalid(f"Agent has invalid configuration: duplicate skill_id {quote(skill.skill_id)}")
        seen.add(skill.skill_id)
    return [{"type": skill.type, "skill_id": skill.skill_id, "version": skill.version or LATEST} for skill in skills]


def check_readable(path: str, agent: Mapping[str, Any]) -> None:
    """Raise ApiError unless one of a session's agents that has skills can read them."""
    if not agent["skills"]:
        return
    if any("read" in toolset.enabled(tool) for tool in agent["tools"]):
        return
    raise invalid(_NO_READ if path == "agent" else f"{path}: {_NO_READ}")


def skills_of(pinned: Iterable[Json], agent: Mapping[str, Any]) -> Sequence[Json]:
    """Those of a session's pinned skills that one of its agents has. Rows of before rosters are one agent's."""
    own = {(skill["skill_id"], skill["version"]) for skill in agent["skills"]}
    return [
        skill
        for skill in pinned
        if "asked" not in skill or any((skill["skill_id"], version) in own for version in skill["asked"])
    ]


def check_count(pinned: Sequence[Mapping[str, Any]]) -> None:
    """Raise ApiError for a session with too many skills."""
    if len(pinned) > MOST_OF_A_SESSION:
        most = f"a session can have at most {MOST_OF_A_SESSION} skills over all its agents"
        raise invalid(f"agent.skills: {most}, got {len(pinned)}")


def unknown_to_agent(skill: Mapping[str, Any]) -> ApiError:
    """An agent is to have a skill that is not there."""
    return invalid(
        f"Agent has invalid configuration: `skill_id` `{_short(skill['skill_id'])}` version "
        f"`{_short(skill['version'])}` not found"
    )


def unresolved(skills: Sequence[Mapping[str, Any]]) -> ApiError:
    """A session's agent has skills that are gone."""
    named = ", ".join(
        f'skill "{_short(skill["skill_id"])}" version "{_short(skill["version"])}" not found' for skill in skills
    )
    return invalid(f"Could not resolve one or more skills: {named}")


def no_skill(skill_id: str) -> ApiError:
    return not_found(f"Skill `{_short(skill_id)}` not found.")


def no_version(version: str) -> ApiError:
    return not_found(f"Skill version `{_short(version)}` not found.")


def read_only(skill_id: str) -> ApiError:
    return invalid(f"Skill `{skill_id}` is built in and cannot be changed.")


def last_version() -> ApiError:
    return invalid("A skill has at least one version: its only one cannot be deleted. Delete the skill instead.")


def another_name(name: str, sent: str) -> ApiError:
    return invalid(f"files: the name in SKILL.md must stay {quote(name)}, got {quote(sent)}")


def too_large() -> ApiError:
    return ApiError(
        "request_too_large", "Request exceeds the maximum size. The Skills API accepts requests up to 30MBs."
    )


def _short(text: str) -> str:
    return text[:100]
