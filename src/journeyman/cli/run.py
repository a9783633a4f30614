"""`journeyman run`: a task for an agent, here in the terminal."""

import asyncio
import sys
from dataclasses import dataclass

from rich.console import Console

from journeyman.cli.approvals import Approvals
from journeyman.cli.connection import connected
from journeyman.cli.conversation import Conversation
from journeyman.cli.problem import Problem
from journeyman.cli.screen import Screen
from journeyman.cli.session import create_session
from journeyman.cli.terminal import Interrupted, Terminal, on_interrupt
from journeyman.config import Settings

_PROMPT = "\nyou> "
_GAVE_UP = 130


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for; None leaves it to us."""

    task: str | None
    model: str | None
    system: str | None
    approve_all: bool


def run(settings: Settings, wanted: Wanted) -> int:
    """The exit code: 0, 1 when the agent could not finish, 130 when it was left at work. Raises Problem."""
    try:
        return asyncio.run(_run(settings, wanted))
    except asyncio.CancelledError:
        return _GAVE_UP


async def _run(settings: Settings, wanted: Wanted) -> int:
    terminal, screen = Terminal(), Screen(Console(highlight=False))
    task = wanted.task or await _ask_task(terminal)
    if not task:
        raise Problem('There is nothing to do: journeyman run "TASK"')
    async with connected(settings) as connection:
        model = wanted.model or _default_model(connection.models, screen)
        session_id = await create_session(
            connection.client, model=model, system=wanted.system, ask=not wanted.approve_all
        )
        screen.note(f"{session_id} · {model} · {connection.url}")
        conversation = Conversation(connection.client, session_id, screen, Approvals(terminal, screen))
        await conversation.open()
        try:
            return await _converse(conversation, terminal, screen, task)
        finally:
            await conversation.close()


async def _converse(conversation: Conversation, terminal: Terminal, screen: Screen, task: str) -> int:
    _handle_interrupts(conversation, terminal, screen)
    message: str | None = task
    stopped = "end_turn"
    while message:
        stopped = await conversation.say(message)
        if stopped == "terminated" or not terminal.interactive:
            break
        try:
            message = (await terminal.line(_PROMPT) or "").strip()
        except Interrupted:
            break
    return 0 if stopped == "end_turn" else 1


def _handle_interrupts(conversation: Conversation, terminal: Terminal, screen: Screen) -> None:
    """Ctrl-C ends a question, else interrupts the agent; pressed once more it ends the program."""
    current = asyncio.current_task()

    def pressed() -> None:
        if terminal.interrupt():
            return
        if conversation.interrupt():
            screen.note("Interrupting the agent (Ctrl-C again: quit) …", "yellow")
        elif current is not None:
            current.cancel()

    on_interrupt(pressed)


async def _ask_task(terminal: Terminal) -> str:
    if not terminal.interactive:
        return sys.stdin.read().strip()
    try:
        return (await terminal.line("What is to be done? ") or "").strip()
    except Interrupted:
        return ""


def _default_model(offered: list[str], screen: Screen) -> str:
    real = [model for model in offered if model != "demo"]
    if real:
        return real[0]
    screen.note("No real model is configured, so `demo` plays a script. Set ANTHROPIC_API_KEY for claude.", "yellow")
    return "demo"
