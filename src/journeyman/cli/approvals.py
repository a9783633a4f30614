"""Whether a call that the agent asks for may run: the person at the terminal decides."""

from typing import Literal, NotRequired, TypedDict

from journeyman.cli.screen import Screen
from journeyman.cli.terminal import Terminal

_NOBODY = "Nobody is at the terminal who could approve this. Do without it, and say what you could not do."


class Decision(TypedDict):
    """Part of a `user.tool_confirmation`."""

    result: Literal["allow", "deny"]
    deny_message: NotRequired[str]


class Approvals:
    """Asks, and remembers for which tools it need not ask again."""

    def __init__(self, terminal: Terminal, screen: Screen) -> None:
        self._terminal = terminal
        self._screen = screen
        self._always: set[str] = set()

    async def decide(self, name: str, values: dict[str, object], *, shown: bool) -> Decision:
        """`shown`: the screen's last words are this call. Raises Interrupted."""
        if name in self._always:
            return {"result": "allow"}
        if not self._terminal.interactive:
            self._screen.note(f"Refused: nobody is here to approve {name}. Allow it with --yes.", "yellow")
            return {"result": "deny", "deny_message": _NOBODY}
        if not shown:
            self._screen.question(name, values)
        self._terminal.forget_typed()
        return await self._ask(name)

    async def _ask(self, name: str) -> Decision:
        while True:
            line = await self._terminal.line(f"Allow? [y]es, [n]o, [a]lways for {name}: ")
            word, _, reason = ("no" if line is None else line.strip()).partition(" ")
            match word.lower():
                case "y" | "yes":
                    return {"result": "allow"}
                case "a" | "always":
                    self._always.add(name)
                    return {"result": "allow"}
                case "n" | "no":
                    return await self._refuse(reason.strip(), ask=line is not None)
                case _:
                    self._screen.note("Answer y, n or a; n may be followed by a reason.")

    async def _refuse(self, reason: str, *, ask: bool) -> Decision:
        if ask and not reason:
            reason = (await self._terminal.line("Why not? (Enter: no reason) ") or "").strip()
        return {"result": "deny", "deny_message": reason} if reason else {"result": "deny"}
