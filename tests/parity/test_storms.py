"""Many sessions, each sent messages, interrupts and answers at arbitrary moments: the order of events always holds."""

import asyncio
import contextlib
import random
import time
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic
from server import RunningServer

from .conversation import TOOLSET, Event
from .invariants import broken

pytestmark = pytest.mark.ours_only

SESSIONS = 16
SECONDS = 40.0
MIXED = [
    {**TOOLSET, "configs": [{"name": "write", "permission_policy": {"type": "always_ask"}}]},
    {"type": "custom", "name": "ask", "description": "Asks.", "input_schema": {"type": "object"}},
]
CALLS = [
    "say looking && bash echo hi",
    "bash sleep 0.05 && bash echo two",
    'tool write {"file_path": "/workspace/a", "content": "b"}',
    "tool ask {}",
    'bash true && tool ask {} && tool write {"file_path": "/workspace/c", "content": "d"}',
]
ENDINGS = ["text hello there", "{status=529} text later", "{gap=0.02} text a b c d e f", "think hm && text so"]
PAUSES = [0.0, 0.0, 0.01, 0.05, 0.2]


class Storm:
    """One session and what befalls it."""

    def __init__(self, client: AsyncAnthropic, session_id: str, seed: int) -> None:
        self.events = client.beta.sessions.events
        self.id = session_id
        self.streamed: list[Event] = []
        self.sent: set[str] = set()
        self._chance = random.Random(seed)
        self._said = 0

    async def follow(self, stream: Any) -> None:
        async for event in stream:
            self.streamed.append(event.to_dict(mode="json"))

    async def rage(self) -> None:
        """Send at arbitrary moments."""
        for _ in range(self._chance.randint(4, 10)):
            match self._chance.choice(["say", "say", "interrupt", "redirect", "answer", "answer", "answer"]):
                case "say":
                    await self._send(self._message())
                case "interrupt":
                    await self._send({"type": "user.interrupt"})
                case "redirect":
                    await self._send({"type": "user.interrupt"}, self._message())
                case _:
                    await self._answer(chance=0.5)
            await asyncio.sleep(self._chance.choice(PAUSES))

    async def calm(self) -> list[Event]:
        """Answer whatever still waits, until the session is at rest; its event list."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            await self._answer(chance=1.0)
            listed = [event.to_dict(mode="json") async for event in self.events.list(self.id, limit=1000)]
            if listed == self.streamed and _at_rest(listed):
                return listed
            await asyncio.sleep(0.1)
        raise AssertionError(f"{self.id} does not come to rest: {[event['type'] for event in self.streamed[-9:]]}")

    async def _answer(self, chance: float) -> None:
        stop = next((event for event in reversed(self.streamed) if event["type"] == "session.status_idle"), None)
        waiting = set(stop["stop_reason"].get("event_ids", [])) if stop else set[str]()
        for event in list(self.streamed):
            if event["id"] in waiting and self._chance.random() < chance:
                await self._send(_answer_to(event, self._chance.choice(["allow", "deny"])))

    async def _send(self, *events: Event) -> None:
        # An answer may come too late; then it is refused whole.
        with contextlib.suppress(anthropic.BadRequestError):
            answer = await self.events.send(self.id, events=events)
            self.sent |= {event.id for event in answer.data or []}

    def _message(self) -> Event:
        self._said += 1
        calls = self._chance.choices(CALLS, k=self._chance.randint(0, 3))
        script = " | ".join([*calls, self._chance.choice(ENDINGS)])
        text = f"SCRIPT: {script} #id={self.id}.{self._said}"
        return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def _answer_to(use: Event, verdict: str) -> Event:
    if use["type"] == "agent.tool_use":
        return {"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": verdict}
    return {"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": []}


def _at_rest(events: list[Event]) -> bool:
    ends = [event for event in events if event["type"].startswith("session.status_")]
    if not ends:
        return True
    return ends[-1]["type"] == "session.status_idle" and ends[-1]["stop_reason"]["type"] != "requires_action"


async def test_storms(server: RunningServer, environment_id: str) -> None:
    """facts 8.3, 9.1 to 9.7: list and stream agree, nothing sent is lost, and the order holds, in every session."""
    async with AsyncAnthropic(base_url=server.url, api_key=server.api_key, max_retries=0) as client:
        agent = await client.beta.agents.create(name="storm", model="scripted", tools=MIXED)

        async def weather(seed: int) -> tuple[Storm, list[Event]]:
            session = await client.beta.sessions.create(agent=agent.id, environment_id=environment_id)
            storm = Storm(client, session.id, seed)
            async with await client.beta.sessions.events.stream(session.id, timeout=SECONDS) as stream:
                follower = asyncio.create_task(storm.follow(stream))
                await storm.rage()
                events = await storm.calm()
                follower.cancel()
            return storm, events

        for storm, events in await asyncio.gather(*map(weather, range(SESSIONS))):
            assert broken(events) == [], storm.id
            assert storm.sent <= {event["id"] for event in events}, storm.id
