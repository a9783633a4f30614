"""Whether an MCP server takes a token: its handshake, and its list of tools."""

from typing import Any, NamedTuple

from journeyman import __version__
from journeyman.egress.addresses import AddressPolicy
from journeyman.egress.exchange import Answer, NoAnswer, post

_PROTOCOL = "2025-06-18"
_HELLO = {
    "protocolVersion": _PROTOCOL,
    "capabilities": {},
    "clientInfo": {"name": "journeyman", "version": __version__},
}


class Failure(NamedTuple):
    """The first step that failed."""

    method: str
    answer: Answer | None
    """None: the server gave none."""


async def probe(url: str, token: str, policy: AddressPolicy) -> Failure | None:
    """None: it takes the token."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": _PROTOCOL,
    }
    hello = await _step(url, policy, headers, "initialize", _HELLO, 1)
    if isinstance(hello, Failure):
        return hello
    if "Mcp-Session-Id" in hello.headers:
        headers["Mcp-Session-Id"] = hello.headers["Mcp-Session-Id"]
    for method, number in (("notifications/initialized", None), ("tools/list", 2)):
        found = await _step(url, policy, headers, method, {}, number)
        if isinstance(found, Failure):
            return found
    return None


async def _step(
    url: str, policy: AddressPolicy, headers: dict[str, str], method: str, params: dict[str, Any], number: int | None
) -> Answer | Failure:
    message = {"jsonrpc": "2.0", "method": method, "params": params} | ({} if number is None else {"id": number})
    try:
        answer = await post(url, policy, headers, json=message)
    except NoAnswer:
        return Failure(method, None)
    return answer if answer.status < 400 else Failure(method, answer)
