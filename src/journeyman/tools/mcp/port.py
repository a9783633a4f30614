"""What is known of an MCP server's tools, how connecting fails, and who gives the credentials."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol


class McpTool(NamedTuple):
    """A tool as its server describes it."""

    name: str
    description: str
    input_schema: dict[str, Any]
    repeatable: bool = False
    """Its server says that calling it again changes nothing."""


class McpProblem(NamedTuple):
    """A server that a run goes on without; `kind` is the wire's type of error."""

    server: str
    kind: str
    message: str


class Unreachable(Exception):
    """The server could not be connected to, or the connection broke; the message has no secrets in it."""


class Unauthorized(Exception):
    """The server refused the credential, or wants one."""


class Authorize(Protocol):
    """Gives the `Authorization` header for a server from a session's vaults; None when they have none.

    `refused`: the header that the server has just refused; the answer is another one, or None.
    """

    async def __call__(self, vault_ids: Sequence[str], url: str, *, refused: str | None = None) -> str | None: ...
