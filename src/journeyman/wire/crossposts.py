"""Events of a child thread that the session's stream has too: there, not in their own, they say whose they are."""

from journeyman.wire.json_value import Json

_NAMING = ("agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use")


def as_own(body: Json) -> Json:
    """An event as the stream of its own thread shows it."""
    return {**body, "session_thread_id": None} if body["type"] in _NAMING and body.get("session_thread_id") else body
