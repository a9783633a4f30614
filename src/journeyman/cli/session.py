"""An agent with the full toolset, an environment for it, and a session of both."""

from anthropic import AsyncAnthropic, omit
from anthropic.types.beta import BetaManagedAgentsAgentToolset20260401Params as Toolset


async def create_session(client: AsyncAnthropic, *, model: str, system: str | None = None, ask: bool = False) -> str:
    """The session's id. With `ask`, shell commands wait for an approval."""
    toolset: Toolset = {"type": "agent_toolset_20260401"}
    if ask:
        toolset["configs"] = [{"name": "bash", "permission_policy": {"type": "always_ask"}}]
    agent = await client.beta.agents.create(name="Terminal", model=model, system=system or omit, tools=[toolset])
    environment = await client.beta.environments.create(
        name="Terminal", config={"type": "cloud", "networking": {"type": "unrestricted"}}
    )
    session = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    return session.id
