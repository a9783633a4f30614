"""The built-in toolset, `agent_toolset_20260401`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from journeyman.wire import policies
from journeyman.wire.domains import check_domain_lists
from journeyman.wire.errors import invalid
from journeyman.wire.json_value import Json
from journeyman.wire.parse_error import quote
from journeyman.wire.policies import DefaultConfig, PermissionPolicy
from journeyman.wire.strict import Strict
from journeyman.wire.web_tools import (
    UrlSources,
    UserLocation,
    check_location,
    check_url_sources,
    materialise_location,
    materialise_url_sources,
)

ToolName: TypeAlias = Literal["bash", "edit", "glob", "grep", "read", "web_fetch", "web_search", "write"]

TOOL_NAMES: tuple[ToolName, ...] = ("bash", "edit", "glob", "grep", "read", "web_fetch", "web_search", "write")

_COMMON = frozenset({"name", "type", "enabled", "permission_policy"})
_WEB = _COMMON | {"allowed_domains", "blocked_domains"}
_FIELDS_OF = {"web_fetch": _WEB | {"max_content_tokens", "url_sources"}, "web_search": _WEB | {"user_location"}}


def fields_of(name: ToolName) -> frozenset[str]:
    """The fields that a config entry for this tool may have."""
    return _FIELDS_OF.get(name, _COMMON)


class ToolConfigParams(Strict):
    """Settings of one built-in tool.

    One model for all eight, policy first: the reference reports a bad policy before a bad name.
    """

    permission_policy: PermissionPolicy | None = None
    name: ToolName
    type: ToolName | None = None
    enabled: bool | None = None
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None
    max_content_tokens: Annotated[int, Field(ge=1)] | None = None
    url_sources: UrlSources | None = None
    user_location: UserLocation | None = None

    @model_validator(mode="after")
    def _only_fields_of_the_tool(self) -> "ToolConfigParams":
        for field in type(self).model_fields:
            if self.given(field) and field not in fields_of(self.name):
                raise PydanticCustomError("unknown_field", "{field}", {"field": field})
        return self


class AgentToolsetParams(Strict):
    """The built-in tools with their settings."""

    type: Literal["agent_toolset_20260401"]
    configs: list[ToolConfigParams] | None = None
    default_config: DefaultConfig | None = None


def materialise(toolset: AgentToolsetParams) -> Json:
    """The stored form: the entries that were sent, each with all of its settings."""
    default = policies.resolved(toolset.default_config, "always_allow")
    return {
        "type": toolset.type,
        "default_config": default,
        "configs": [_entry(config, default) for config in toolset.configs or []],
    }


def enabled(toolset: Mapping[str, Any]) -> Sequence[ToolName]:
    """The built-in tools that a stored toolset has; none for tools of another kind."""
    if toolset["type"] != "agent_toolset_20260401":
        return []
    own = {config["name"]: config["enabled"] for config in toolset["configs"]}
    return [name for name in TOOL_NAMES if own.get(name, toolset["default_config"]["enabled"])]


def narrowed(toolset: Mapping[str, Any], names: Sequence[str]) -> Json:
    """A stored toolset with these of its tools alone, each as it was set."""
    default = toolset["default_config"]
    own = {config["name"]: config for config in toolset["configs"]}
    configs = [own.get(name) or _entry(ToolConfigParams(name=name), default) for name in TOOL_NAMES if name in names]
    return {**toolset, "default_config": {**default, "enabled": False}, "configs": configs}


def check(path: str, toolset: AgentToolsetParams, custom_tools: frozenset[str]) -> None:
    """Raise ApiError for duplicate entries or unusable web settings."""
    configs = toolset.configs or []
    _check_duplicates(path, configs)
    for position, config in enumerate(configs):
        _check_entry(f"{path}.configs.{position}", config, custom_tools)


def _check_duplicates(path: str, configs: Sequence[ToolConfigParams]) -> None:
    seen: set[str] = set()
    for position, config in enumerate(configs):
        if config.name in seen:
            label = quote(f"AGENT_TOOL_NAME_{config.name.upper()}")
            raise invalid(f"{path}.configs.{position}: duplicate entry for tool {label}")
        seen.add(config.name)


def _check_entry(path: str, config: ToolConfigParams, custom_tools: frozenset[str]) -> None:
    if config.type not in (None, config.name):
        raise invalid(f"{path}.type: must equal the entry's name, {quote(config.name)}")
    check_domain_lists(path, config.allowed_domains, config.blocked_domains, with_path=config.name == "web_search")
    if config.user_location is not None:
        check_location(f"{path}.user_location", config.user_location)
    if config.url_sources is not None:
        check_url_sources(f"{path}.url_sources", config.url_sources, custom_tools)


def _entry(config: ToolConfigParams, default: Json) -> Json:
    stored: Json = {
        "type": config.name,
        "name": config.name,
        **policies.inherited(default, config.enabled, config.permission_policy),
    }
    if config.name in ("web_fetch", "web_search"):
        stored["allowed_domains"] = config.allowed_domains
        stored["blocked_domains"] = config.blocked_domains
    if config.name == "web_fetch":
        stored["max_content_tokens"] = config.max_content_tokens
        stored["url_sources"] = materialise_url_sources(config.url_sources)
    if config.name == "web_search":
        stored["user_location"] = materialise_location(config.user_location)
    return stored
