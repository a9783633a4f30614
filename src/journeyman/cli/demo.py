"""`journeyman demo`: the whole machine at work once, with the scripted model."""

import asyncio
import os
import tempfile
from itertools import pairwise
from pathlib import Path

from anthropic import AsyncAnthropic
from rich.console import Console

from journeyman.cli.approvals import Approvals
from journeyman.cli.calls import text_of
from journeyman.cli.connection import served
from journeyman.cli.conversation import Conversation
from journeyman.cli.doctor import print_checks, sandbox_checks
from journeyman.cli.next_steps import next_steps
from journeyman.cli.options import settings_from
from journeyman.cli.problem import Problem
from journeyman.cli.screen import Screen
from journeyman.cli.session import create_session
from journeyman.cli.terminal import Terminal
from journeyman.config import Settings

_TASK = "Create a Python script that generates the first 20 Fibonacci numbers and saves them to fibonacci.txt"


def demo(config: Path | None) -> None:
    """Raises Problem when anything is not as it should be."""
    console = Console(highlight=False)
    # Overlays do not work on every /tmp.
    place = "/var/tmp" if os.access("/var/tmp", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="journeyman-demo-", dir=place, ignore_cleanup_errors=True) as directory:
        script = {"match": "demo", "protocol": "scripted"}
        settings = settings_from(config, data_dir=Path(directory, "data"), models=[script], database={"url": None})
        asyncio.run(_demo(settings, console))
    console.print(next_steps(settings_from(config)), soft_wrap=True, markup=False)


async def _demo(settings: Settings, console: Console) -> None:
    screen = Screen(console)
    async with served(settings) as connection:
        client = connection.client
        session_id = await create_session(client, model="demo")
        screen.note(f"A server at {connection.url}; agent, environment and session {session_id}.")
        screen.note(f"\nyou> {_TASK}", "bold")
        conversation = Conversation(client, session_id, screen, Approvals(Terminal(), screen))
        await conversation.open()
        try:
            await conversation.say(_TASK)
        finally:
            await conversation.close()
        numbers, complaint = await _printed_numbers(client, session_id)
        await client.beta.sessions.delete(session_id)
    if not _is_fibonacci(numbers):
        print_checks(console, [check for check in await sandbox_checks(settings) if check.status == "fail"])
        raise Problem(f"The demo did not work: {complaint or 'the program printed something else'}")
    note = (
        f"\nIt works: the program ran in a sandbox, and fibonacci.txt holds {len(numbers)} numbers up to {numbers[-1]}."
    )
    screen.note(note, "bold green")


async def _printed_numbers(client: AsyncAnthropic, session_id: str) -> tuple[list[int], str]:
    """What the file holds, as the session's log has it from the shell in the sandbox, and what went wrong."""
    shells: set[str] = set()
    numbers: list[int] = []
    complaint = ""
    async for event in client.beta.sessions.events.list(session_id):
        match event.type:
            case "agent.tool_use":
                shells |= {event.id} if event.name == "bash" else set()
            case "agent.tool_result":
                text = text_of(event.content)
                complaint = text if event.is_error else complaint
                if event.tool_use_id in shells:
                    numbers = [int(line) for line in text.split() if line.isdigit()]
            case "session.error":
                complaint = event.error.message
            case _:
                pass
    return numbers, complaint


def _is_fibonacci(numbers: list[int]) -> bool:
    sums = [a + b for a, b in pairwise(numbers)]
    return len(numbers) == 20 and numbers[:2] == [0, 1] and numbers[2:] == sums[:-1]
