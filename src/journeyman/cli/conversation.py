"""One session, followed from message to message: calls are approved, the agent can be interrupted."""

import asyncio
from collections.abc import Sequence

from anthropic import AsyncAnthropic
from anthropic.types.beta.sessions import BetaManagedAgentsStreamSessionEvents as Event
from anthropic.types.beta.sessions import BetaManagedAgentsTextBlockParam as Text
from anthropic.types.beta.sessions import BetaManagedAgentsUserToolConfirmationEventParams as Confirmation

from journeyman.cli.approvals import Approvals
from journeyman.cli.screen import Screen
from journeyman.cli.tail import Tail
from journeyman.cli.terminal import Interrupted


class Conversation:
    """`open`, then `say` again and again."""

    def __init__(self, client: AsyncAnthropic, session_id: str, screen: Screen, approvals: Approvals) -> None:
        self._events = client.beta.sessions.events
        self._session_id = session_id
        self._screen = screen
        self._approvals = approvals
        self._tail = Tail(client, session_id)
        self._incoming = aiter(self._tail)
        self._calls: dict[str, tuple[str, dict[str, object]]] = {}
        self._can_interrupt = False
        self._interrupting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self._tail.open()

    async def close(self) -> None:
        await self._tail.close()

    async def say(self, text: str) -> str:
        """Send a message and show what follows, until the agent waits for the next one.

        The answer is why it stopped: the type of the stop reason, or `terminated`.
        """
        content: list[Text] = [{"type": "text", "text": text}]
        await self._events.send(self._session_id, events=[{"type": "user.message", "content": content}])
        self._can_interrupt = True
        try:
            return await self._until_idle()
        finally:
            self._can_interrupt = False

    def interrupt(self) -> bool:
        """Stop the agent: `say` comes to its end. False when it is not at work, or has been told already."""
        if not self._can_interrupt:
            return False
        self._can_interrupt = False
        self._interrupting = asyncio.create_task(self._interrupt())
        return True

    async def _until_idle(self) -> str:
        async for event in self._incoming:
            self._screen.show(event)
            self._remember(event)
            if event.type == "session.status_idle":
                if event.stop_reason.type != "requires_action":
                    return event.stop_reason.type
                await self._answer(event.stop_reason.event_ids)
        return "terminated"

    def _remember(self, event: Event) -> None:
        match event.type:
            case "agent.tool_use" | "agent.mcp_tool_use":
                self._calls[event.id] = (event.name, event.input)
            case _:
                pass

    async def _answer(self, event_ids: Sequence[str]) -> None:
        answers: list[Confirmation] = []
        try:
            for event_id in event_ids:
                name, values = self._calls[event_id]
                decision = await self._approvals.decide(name, values, shown=len(event_ids) == 1)
                answers.append({"type": "user.tool_confirmation", "tool_use_id": event_id, **decision})
        except Interrupted:
            self.interrupt()
        else:
            await self._events.send(self._session_id, events=answers)

    async def _interrupt(self) -> None:
        await self._events.send(self._session_id, events=[{"type": "user.interrupt"}])
