"""The settings of web_search and web_fetch beyond enabled and permission_policy."""

from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import Field

from journeyman.wire.errors import invalid
from journeyman.wire.json_value import Json
from journeyman.wire.parse_error import quote
from journeyman.wire.strict import Strict, shorthand

SERVER_TOOLS = frozenset({"web_search", "web_fetch"})


class UserLocation(Strict):
    """Where search results are localised to."""

    type: Literal["approximate"]
    city: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    country: str | None = None
    region: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    timezone: str | None = None


class ToolReference(Strict):
    """One tool by name."""

    type: Literal["tool_reference"]
    name: Annotated[str, Field(min_length=1, max_length=128)]


class SourceAll(Strict):
    """Every URL of the source."""

    type: Literal["all"]


class SourceNone(Strict):
    """No URL of the source."""

    type: Literal["none"]


class SourceOnly(Strict):
    """URLs from the named tools' results."""

    type: Literal["only"]
    tools: Annotated[list[ToolReference], Field(min_length=1, max_length=128)]


class SourceExcept(Strict):
    """URLs from all but the named tools' results."""

    type: Literal["except"]
    tools: Annotated[list[ToolReference], Field(min_length=1, max_length=128)]


UserInput: TypeAlias = Annotated[SourceAll | SourceNone, Field(discriminator="type")]
ToolFilter: TypeAlias = Annotated[SourceAll | SourceNone | SourceOnly | SourceExcept, Field(discriminator="type")]


_ALL_OR_NONE = shorthand("type", among=("all", "none"))


class UrlSources(Strict):
    """Which sources contribute URLs that web_fetch may fetch."""

    client_tool_results: Annotated[ToolFilter, _ALL_OR_NONE] | None = None
    server_tool_results: Annotated[ToolFilter, _ALL_OR_NONE] | None = None
    user_input: Annotated[UserInput, _ALL_OR_NONE] | None = None


def check_location(path: str, location: UserLocation) -> None:
    """Raise ApiError for a country or time zone that does not exist."""
    country, timezone = location.country, location.timezone
    if country is not None and not (
        len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()
    ):
        raise invalid(f"{path}.country: must be a two-letter ISO 3166-1 country code in upper case")
    if timezone is not None and not _is_timezone(timezone):
        raise invalid(f"{path}.timezone: {quote(timezone)} is not a valid IANA time zone name")


def check_url_sources(path: str, sources: UrlSources, custom_tools: frozenset[str]) -> None:
    """Raise ApiError for lists that name a tool twice or one that is not there, or when nothing is left."""
    _check_filter(f"{path}.client_tool_results", sources.client_tool_results, custom_tools, "a custom tool in tools")
    _check_filter(f"{path}.server_tool_results", sources.server_tool_results, SERVER_TOOLS, "web_search or web_fetch")
    given = (sources.client_tool_results, sources.server_tool_results, sources.user_input)
    if all(isinstance(source, SourceNone) for source in given):
        raise invalid(f"{path}: at least one source must not be none; disable web_fetch instead")


def materialise_location(location: UserLocation | None) -> Json | None:
    """The stored form, unset keys as null."""
    return None if location is None else location.model_dump()


def materialise_url_sources(sources: UrlSources | None) -> Json | None:
    """The stored form: every source as an object, unset ones as null."""
    return None if sources is None else sources.model_dump()


def _check_filter(path: str, source: ToolFilter | None, known: frozenset[str], noun: str) -> None:
    if not isinstance(source, SourceOnly | SourceExcept):
        return
    seen: set[str] = set()
    for position, tool in enumerate(source.tools):
        if tool.name in seen:
            raise invalid(f"{path}.tools.{position}: duplicate entry for tool {quote(tool.name)}")
        if tool.name not in known:
            raise invalid(f"{path}.tools.{position}.name: {quote(tool.name)} is not {noun}")
        seen.add(tool.name)


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
