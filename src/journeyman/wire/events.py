"""Events that a client sends to a session, and their echo."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from journeyman.wire import content, not_yet
from journeyman.wire.content import MessageBlock, ResultBlock, TextBlock
from journeyman.wire.errors import invalid
from journeyman.wire.event_types import EVENT_TYPES
from journeyman.wire.json_value import Json
from journeyman.wire.outcomes import MOST_CHARACTERS
from journeyman.wire.references import Id
from journeyman.wire.strict import NonEmpty, Strict, parse

__all__ = ["EVENT_TYPES", "EventParams", "EventsSend", "check", "echo", "parse_send"]


class UserMessage(Strict):
    """A message of the user's."""

    type: Literal["user.message"]
    content: Annotated[list[MessageBlock], Field(min_length=1, fail_fast=True)]


class UserInterrupt(Strict):
    """Stop what is running: one thread, or all of them."""

    type: Literal["user.interrupt"]
    session_thread_id: Id | None = None


class UserToolConfirmation(Strict):
    """Allow or deny a call that waits. The thread is found by the call: `session_thread_id` is ignored."""

    type: Literal["user.tool_confirmation"]
    tool_use_id: Id
    result: Literal["allow", "deny"]
    deny_message: str | None = None
    session_thread_id: str | None = None


class UserCustomToolResult(Strict):
    """What a custom tool returned. The thread is found by the call: `session_thread_id` is ignored."""

    type: Literal["user.custom_tool_result"]
    custom_tool_use_id: Id
    content: Annotated[list[ResultBlock], Field(fail_fast=True)] | None = None
    is_error: bool | None = None
    session_thread_id: str | None = None


class UserToolResult(Strict):
    """What a built-in tool returned that ran at the client's (self_hosted environments)."""

    type: Literal["user.tool_result"]
    tool_use_id: Id
    content: Annotated[list[ResultBlock], Field(fail_fast=True)] | None = None
    is_error: bool | None = None
    session_thread_id: str | None = None


class FileRubric(Strict):
    """A rubric in an uploaded file."""

    type: Literal["file"]
    file_id: Id


class TextRubric(Strict):
    """A rubric given as text."""

    type: Literal["text"]
    content: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]


class UserDefineOutcome(Strict):
    """What the agent is to work toward, and how it is graded."""

    type: Literal["user.define_outcome"]
    description: NonEmpty
    rubric: Annotated[FileRubric | TextRubric, Field(discriminator="type")]
    max_iterations: Annotated[int, Field(ge=1, le=20)] | None = None


class SystemMessage(Strict):
    """Privileged context for this turn and the ones after it."""

    type: Literal["system.message"]
    content: Annotated[list[TextBlock], Field(min_length=1, max_length=1000)]


InitialEvent: TypeAlias = Annotated[UserMessage | UserDefineOutcome, Field(discriminator="type")]
EventParams: TypeAlias = Annotated[
    UserMessage
    | UserInterrupt
    | UserToolConfirmation
    | UserCustomToolResult
    | UserToolResult
    | UserDefineOutcome
    | SystemMessage,
    Field(discriminator="type"),
]


class EventsSend(Strict):
    """Body of events send."""

    events: Annotated[list[EventParams], Field(min_length=1, fail_fast=True)]


EVENTS_SEND: TypeAdapter[EventsSend] = TypeAdapter(EventsSend)

_ACCOMPANIED = ("user.message", "user.tool_result", "user.custom_tool_result")


def parse_send(body: bytes) -> EventsSend:
    """A checked send; raises ApiError."""
    send = parse(EVENTS_SEND, body)
    check("events", send.events)
    return send


def check(path: str, events: Sequence[EventParams]) -> None:
    """Raise ApiError for an event that cannot stand where it does, or that is not supported yet."""
    if sum(isinstance(event, UserDefineOutcome) for event in events) > 1:
        raise invalid(f"{path}: must have at most one user.define_outcome event")
    for position, event in enumerate(events):
        if isinstance(event, UserToolConfirmation) and event.deny_message and event.result != "deny":
            raise invalid(f'{path}.{position}.deny_message: only allowed when result is "deny"')
        if isinstance(event, SystemMessage):
            _check_place(path, position, events)
        not_yet.refuse_event(f"{path}.{position}", event.type)


def echo(event: EventParams, event_id: str, processed_at: str | None) -> Json:
    """The event as it is answered and stored; `processed_at` is RFC 3339, None while it is queued.

    The `outcome_id` of a user.define_outcome is for the caller to add.
    """
    return {"id": event_id, "type": event.type, **_body(event), "processed_at": processed_at}


def _check_place(path: str, position: int, events: Sequence[EventParams]) -> None:
    if position != len(events) - 1:
        raise invalid(f"{path}.{position}: system.message must be the last event, at most once in a request")
    if position and events[position - 1].type not in _ACCOMPANIED:
        raise invalid(
            f"{path}.{position}: system.message must directly follow {', '.join(_ACCOMPANIED)}, or stand alone"
        )


def _body(event: EventParams) -> Json:
    match event:
        case UserMessage() | SystemMessage():
            return {"content": [content.materialise(block) for block in event.content]}
        case UserInterrupt():
            return {"session_thread_id": event.session_thread_id}
        case UserToolConfirmation():
            return {
                "tool_use_id": event.tool_use_id,
                "result": event.result,
                "deny_message": event.deny_message or None,
                "session_thread_id": None,
            }
        case UserCustomToolResult():
            return {"custom_tool_use_id": event.custom_tool_use_id, **_result(event)}
        case UserToolResult():
            return {"tool_use_id": event.tool_use_id, **_result(event)}
        case UserDefineOutcome():
            return {
                "description": event.description,
                "rubric": event.rubric.model_dump(),
                "max_iterations": event.max_iterations or 3,
            }


def _result(event: UserCustomToolResult | UserToolResult) -> Json:
    return {
        "content": [content.materialise(block) for block in event.content or []],
        "is_error": bool(event.is_error),
        "session_thread_id": None,
    }
