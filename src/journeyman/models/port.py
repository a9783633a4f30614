"""The model port. Its canonical form is the Anthropic Messages stream: every adapter yields those events as dicts."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

JsonObject = dict[str, Any]

ErrorKind = Literal["overloaded", "rate_limited", "failed", "billing"]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request, in the shapes of the Anthropic Messages API. The adapter may translate, never reorder."""

    model: str
    system: list[JsonObject]
    """Text blocks, with `cache_control` where the prefix is to be cached."""
    messages: list[JsonObject]
    tools: list[JsonObject]
    max_tokens: int
    effort: str | None = None
    """low, medium, high, xhigh or max; None leaves the model's default."""
    speed: str = "standard"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a provider tells of one of its models."""

    id: str
    display_name: str
    created_at: str = "1970-01-01T00:00:00Z"
    max_input_tokens: int | None = None
    max_tokens: int | None = None
    raw: JsonObject = field(default_factory=dict[str, Any])
    """The provider's own object, when it already has the reference's shape."""


class ModelError(Exception):
    """A request that failed. `transient` ones may be retried, after `retry_after` seconds when the provider said so.

    `status` is the provider's HTTP status, or what its error inside a stream amounts to; None when there was no answer.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        transient: bool,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.message = message
        self.transient = transient
        self.retry_after = retry_after
        self.status = status


class Model(Protocol):
    """One upstream that can answer requests. Conformance: `tests/models/conformance.py`."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[JsonObject, None]:
        """The events of one answer, `message_start` to `message_stop`.

        Raises ModelError, also in the middle. Closing the iterator cuts the request at once.
        """
        ...

    async def list(self) -> list[ModelCard]:
        """The models this upstream says it has; an empty list when it cannot say. Raises ModelError."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class Models(Protocol):
    """All configured upstreams behind one name."""

    def find(self, model: str) -> Model:
        """The upstream for a model id. Raises ModelError (permanent) that says what to configure."""
        ...

    def context_window(self, model: str) -> int:
        """Input window in tokens."""
        ...

    def max_output(self, model: str) -> int:
        """The `max_tokens` to ask for."""
        ...

    async def list(self) -> list[ModelCard]:
        """Every model that the providers list, and every configured id."""
        ...

    async def retrieve(self, model: str) -> ModelCard | None:
        """The card of any id that some entry matches, else None."""
        ...

    async def close(self) -> None: ...
