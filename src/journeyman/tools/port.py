"""What a tool is: a schema for the model and a function that runs one call."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from journeyman.sandboxes.port import Run, Sandboxes


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call as the log holds it; `id` is the event id of `agent.tool_use`."""

    id: str
    name: str
    input: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Where a call runs."""

    sandbox: str
    run: Run
    sandboxes: Sandboxes
    config: dict[str, Any]
    """The agent's resolved config entry of this tool (domain lists, max_content_tokens, …)."""
    networking: dict[str, Any] = field(default_factory=dict[str, Any])
    """The environment's `config.networking`."""
    seen_urls: frozenset[str] = frozenset()
    """URLs already in the conversation (for web_fetch)."""
    shell: str = "main"
    """The persistent shell of the calling thread."""
    read_only: bool = False
    """Nothing is to be written, not even what is too long to show."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """Content blocks in the wire's shape (text, image, document, search_result)."""

    content: list[dict[str, Any]]
    is_error: bool = False
    web_searches: int = 0
    links: tuple[str, ...] = ()
    """URLs a fetched page links to: they count as seen, though its text may not show them."""


class Tool(Protocol):
    name: str

    def definition(self) -> dict[str, Any]:
        """`{name, description, input_schema}` for the model."""
        ...

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Never raises for what the model did; cancelling it stops the work within a second."""
        ...


def text_result(text: str, *, is_error: bool = False) -> ToolResult:
    """A single text block."""
    return ToolResult([{"type": "text", "text": text}], is_error)
