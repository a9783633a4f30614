"""One session as an official client sees it: it listens first, then sends, and reads on until something happened."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from anthropic import Anthropic

Event = dict[str, Any]

PATIENCE = 10.0
"""Seconds of silence after which what should have happened has not. The server's comments come more rarely."""

RUNNING = ["session.status_running", "session.thread_status_running"]
IDLE = ["session.thread_status_idle", "session.usage", "session.status_idle"]
REQUEST = ["span.model_request_start", "agent.message", "span.model_request_end"]
TOOLSET = {"type": "agent_toolset_20260401"}


class Conversation:
    """A session with an open stream. `streamed` is what has been read from it."""

    def __init__(self, client: Anthropic, session_id: str, stream: Iterator[Any]) -> None:
        self.client = client
        self.id = session_id
        self.streamed: list[Event] = []
        self._stream = stream
        self._said = 0

    def send(self, *events: Event) -> list[Event]:
        """Send, and give the echoes."""
        answer = self.client.beta.sessions.events.send(self.id, events=events)
        return [event.to_dict(mode="json") for event in answer.data or []]

    def say(self, text: str) -> Event:
        """Send a message. Each script counts its attempts on its own."""
        self._said += 1
        mark = f" #id={self.id}.{self._said}" if "SCRIPT:" in text else ""
        return self.send(message(text + mark))[0]

    def read(self, enough: Callable[[Event], bool]) -> list[Event]:
        """Read the stream up to the event for which `enough` holds; the events read."""
        deadline = time.monotonic() + PATIENCE
        read: list[Event] = []
        for event in self._stream:
            read.append(event.to_dict(mode="json"))
            self.streamed.append(read[-1])
            if enough(read[-1]):
                return read
            assert time.monotonic() < deadline, f"still waiting after {[event['type'] for event in read]}"
        raise AssertionError(f"the stream ended after {[event['type'] for event in read]}")

    def read_until(self, *types: str) -> list[Event]:
        return self.read(lambda event: event["type"] in types)

    def read_rest(self) -> list[Event]:
        """Until the server ends the stream."""
        rest = [event.to_dict(mode="json") for event in self._stream]
        self.streamed += rest
        return rest

    def turn(self, text: str) -> list[Event]:
        """Say something and read until the session is idle."""
        self.say(text)
        return self.read_until("session.status_idle")

    def status(self) -> str:
        return self.client.beta.sessions.retrieve(self.id).status

    def listed(self, **query: Any) -> list[Event]:
        """The whole event list, over all its pages."""
        found = self.client.beta.sessions.events.list(self.id, **query)
        return [event.to_dict(mode="json") for event in found]


@contextmanager
def listening(client: Anthropic, session_id: str, **query: Any) -> Iterator[Conversation]:
    """Open the session's stream."""
    with client.beta.sessions.events.stream(session_id, timeout=PATIENCE, **query) as stream:
        yield Conversation(client, session_id, iter(stream))


def message(text: str) -> Event:
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def types(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def only(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event["type"] == kind]


def one(events: list[Event], kind: str) -> Event:
    """The only event of its type."""
    (event,) = only(events, kind)
    return event
