"""What is valid on the wire and not built yet: refused here, so that nothing is accepted and then ignored."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from journeyman.wire.content import DocumentBlock, FileSource, ImageBlock
from journeyman.wire.custom_tools import CustomToolParams
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.mcp import McpServerParams, McpToolsetParams
from journeyman.wire.tools import ToolParams

if TYPE_CHECKING:
    from journeyman.wire.agents import AgentCreate, AgentUpdate
    from journeyman.wire.events import EventParams
    from journeyman.wire.sessions import AgentWithOverrides, SessionCreate, SessionUpdate


def refuse_agent(agent: "AgentCreate | AgentUpdate") -> None:
    """Raise ApiError for parts of an agent that later versions bring."""
    refuse_tools("", agent.tools, agent.mcp_servers)
    if agent.skills:
        raise _refusal("skills", "attaching skills")
    if agent.multiagent is not None:
        raise _refusal("multiagent", "multiagent orchestration")
    if agent.execution_identity is not None and agent.execution_identity.type != "service_account":
        raise _refusal("execution_identity.type", f'"{agent.execution_identity.type}"')


def refuse_overrides(agent: "AgentWithOverrides") -> None:
    """Raise ApiError for overrides that later versions bring."""
    refuse_tools("agent.", agent.tools, agent.mcp_servers)
    if agent.skills:
        raise _refusal("agent.skills", "attaching skills")


def refuse_tools(prefix: str, tools: Sequence[ToolParams] | None, servers: Sequence[McpServerParams] | None) -> None:
    """Raise ApiError for MCP and for the policy `auto`; `prefix` stands before each path."""
    for position, tool in enumerate(tools or []):
        path = f"{prefix}tools.{position}.{tool.type}"
        if isinstance(tool, McpToolsetParams):
            raise _refusal(path, "connecting to MCP servers")
        if not isinstance(tool, CustomToolParams):
            configs = [("default_config", tool.default_config)]
            entries = [(f"configs.{place}", config) for place, config in enumerate(tool.configs or [])]
            for where, config in (*configs, *entries):
                if config and config.permission_policy and config.permission_policy.type == "auto":
                    raise _refusal(f"{path}.{where}.permission_policy.type", '"auto"')
    if servers:
        raise _refusal(f"{prefix}mcp_servers", "connecting to MCP servers")


def refuse_session_create(create: "SessionCreate") -> None:
    """Raise ApiError for parts of a new session that later versions bring."""
    if create.budget is not None:
        raise _refusal("budget", "a session budget")
    if create.resources:
        raise _refusal("resources", "mounting resources")
    if create.vault_ids:
        raise _refusal("vault_ids", "attaching vaults")


def refuse_environment(config: Mapping[str, Any]) -> None:
    """Raise ApiError for a session on an environment that later versions can run."""
    if config["type"] == "self_hosted":
        raise _refusal("environment_id", "a session on a self_hosted environment")


def refuse_session_update(update: "SessionUpdate") -> None:
    """Raise ApiError for changes to a session that later versions bring."""
    if update.agent is not None:
        refuse_tools("agent.", update.agent.tools, update.agent.mcp_servers)
    if update.budget is not None:
        raise _refusal("budget", "a session budget")


def refuse_events(path: str, events: "Sequence[EventParams]") -> None:
    """Raise ApiError for events that later versions bring."""
    for position, event in enumerate(events):
        where = f"{path}.{position}"
        if event.type in ("user.define_outcome", "user.tool_result"):
            raise _refusal(where, event.type)
        for place, block in enumerate(getattr(event, "content", None) or []):
            if isinstance(block, ImageBlock | DocumentBlock) and isinstance(block.source, FileSource):
                raise _refusal(f"{where}.content.{place}.source", "a file as the source of content")


def _refusal(path: str, feature: str) -> ApiError:
    return invalid(f"{path}: {feature} is not supported by this version of Journeyman yet")
