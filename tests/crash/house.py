"""A server that is killed and started again on what it left behind, and its client."""

import asyncio
import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import anthropic
from runtime.validity import check_log
from server import RunningServer, start_server

from journeyman.sandboxes.local import LocalSandboxes
from journeyman.store.port import Row

JsonObject = dict[str, Any]

BACKOFF = 1.5
"""Seconds before the first retry."""
_PATIENCE = 60.0


class House:
    """One data directory, and the server on it while it lives."""

    def __init__(self, directory: Path, database_url: str | None = None, **sections: JsonObject) -> None:
        self._directory = directory
        self.sections = sections
        """Of journeyman.toml; what is changed counts for the next server."""
        self._database_url = database_url
        self._server: RunningServer | None = None
        self.heard: dict[str, list[str]] = {}

    @property
    def configured(self) -> dict[str, JsonObject]:
        """What is not as every test's server has it."""
        return {"retry": {"max_retries": 6, "backoff_base": BACKOFF, "backoff_cap": BACKOFF}, **self.sections}

    @contextmanager
    def open(self) -> Iterator["House"]:
        """A server that answers; it may be killed before the end."""
        with start_server(
            self._directory, database_url=self._database_url, keep_sandboxes=True, **self.configured
        ) as server:
            self._server = server
            self.client = anthropic.Anthropic(api_key=server.api_key, base_url=server.url, max_retries=0)
            yield self
            self.client.close()

    @property
    def pid(self) -> int:
        """Of the server."""
        assert self._server is not None
        return self._server.process.pid

    def kill(self) -> None:
        assert self._server is not None
        self._server.process.send_signal(signal.SIGKILL)
        self._server.process.wait()

    def close(self) -> None:
        """Sandboxes outlive their server by design: here they end."""
        asyncio.run(self._destroy_sandboxes())

    async def _destroy_sandboxes(self) -> None:
        sandboxes = LocalSandboxes(self._directory / "data")
        for each in await sandboxes.recover():
            await sandboxes.destroy(each.id)
        await sandboxes.close()

    # What a client does.

    def prepare(self) -> None:
        toolset = {"type": "agent_toolset_20260401"}
        custom = {"type": "custom", "name": "mine", "description": "d", "input_schema": {"type": "object"}}
        beta = self.client.beta
        self.agent = beta.agents.create(name="worker", model="scripted", tools=[toolset, custom]).id  # pyright: ignore
        self.environment = beta.environments.create(name="box", config={"type": "cloud"}).id

    def session(self) -> str:
        return self.client.beta.sessions.create(agent=self.agent, environment_id=self.environment).id

    def send(self, session: str, *events: JsonObject) -> list[str]:
        """The ids of what was accepted."""
        answer = self.client.beta.sessions.events.send(session, events=list(events))  # pyright: ignore
        return [event.id for event in answer.data or []]

    def say(self, session: str, text: str) -> str:
        [event_id] = self.send(session, {"type": "user.message", "content": [{"type": "text", "text": text}]})
        return event_id

    def status(self, session: str) -> str:
        return self.client.beta.sessions.retrieve(session).status

    def events(self, session: str) -> list[JsonObject]:
        """All, as the wire has them."""
        found: list[JsonObject] = []
        page: dict[str, str] = {}
        while True:
            body = self._get(f"/v1/sessions/{session}/events?{urlencode({'limit': 100, **page})}")
            found += body["data"]
            if body["next_page"] is None:
                return found
            page = {"page": body["next_page"]}

    def _get(self, path: str) -> JsonObject:
        assert self._server is not None
        headers = {
            "x-api-key": self._server.api_key, "anthropic-version": "2023-06-01",
            "anthropic-beta": "managed-agents-2026-04-01",
        }  # fmt: skip
        with urlopen(Request(self._server.url + path, headers=headers), timeout=30) as answer:
            return json.load(answer)

    def listen(self, session: str) -> None:
        """Note the ids of everything that the session's stream shows, until the server dies."""
        heard = self.heard.setdefault(session, [])
        stream = self.client.beta.sessions.events.stream(session)

        def read() -> None:
            with contextlib.suppress(Exception):  # the server died: that is the test
                heard.extend(event.id for event in stream if hasattr(event, "processed_at"))

        threading.Thread(target=read, daemon=True).start()

    def until(self, session: str, condition: Callable[[list[JsonObject]], bool]) -> list[JsonObject]:
        """Its events, once they meet a condition."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            events = self.events(session)
            if condition(events):
                return events
            time.sleep(0.05)
        raise AssertionError(f"not within {_PATIENCE} s: {[event['type'] for event in self.events(session)]}")

    def until_type(self, session: str, type_: str, times: int = 1) -> list[JsonObject]:
        return self.until(session, lambda events: count(events, type_) >= times)

    def until_rest(self, session: str) -> list[JsonObject]:
        """Its events, once it is idle by itself and everything sent was taken."""

        def rests(events: list[JsonObject]) -> bool:
            taken = all(event["processed_at"] is not None for event in events)
            if not events or not taken or _answers_an_ask(events) or events[-1]["type"] not in _ENDS:
                return False
            return self.status(session) == "idle"

        events = self.until(session, rests)
        check(events)
        return events


def check_backoff(events: list[JsonObject], before: list[JsonObject]) -> None:
    """The wait goes on where it was: no request before its time."""
    [first] = [event for event in before if event["type"] == "session.status_rescheduled"]
    place = [event["id"] for event in events].index(first["id"])
    request = next(event for event in events[place:] if event["type"] == "span.model_request_start")
    assert _us(request["processed_at"]) - _us(first["processed_at"]) >= BACKOFF * 1_000_000 - 50_000


def _answers_an_ask(events: list[JsonObject]) -> bool:
    """The last event is a result that the session asked for: it carries its time from its arrival, and the turn is to
    follow."""
    idle = [event for event in events if event["type"] == "session.status_idle"]
    asked = idle[-1]["stop_reason"].get("event_ids", []) if idle else []
    return events[-1].get("custom_tool_use_id") in asked


_ENDS = ("session.status_idle", "user.custom_tool_result", "user.interrupt", "session.updated")


def count(events: list[JsonObject], type_: str) -> int:
    return sum(event["type"] == type_ and event["processed_at"] is not None for event in events)


def results(events: list[JsonObject]) -> list[str]:
    """The text of every tool result."""
    found = [event for event in events if event["type"] == "agent.tool_result"]
    return ["".join(block.get("text", "") for block in event["content"]) for event in found]


def check(events: list[JsonObject]) -> None:
    """What holds of every log that a client lists."""
    check_log(
        [
            Row(place, event["id"], event["type"], None, True, _us(event["processed_at"]), event)
            for place, event in enumerate(events, 1)
        ]
    )


def _us(stamp: str) -> int:
    moment = datetime.fromisoformat(stamp)
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond
