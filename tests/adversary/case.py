"""A named attack, and what is known about it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adversary.scene import Scene

Attack = Callable[["Scene"], Awaitable[None]]
USERS = ("root", "user", "plain")
"""Who runs the server: root, a user with subordinate ids, a user without."""


class Skip(Exception):
    """The attack cannot be tried here; the message says why."""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    attack: Attack
    own: bool = False
    """In a sandbox of its own, since it does harm that lasts."""
    users: tuple[str, ...] = USERS
    defects: tuple[tuple[str, str], ...] = ()
    """For whom it is known to succeed, and why."""

    def defect(self, user: str) -> str:
        return dict(self.defects).get(user, "")


def alone(attack: Attack) -> Attack:
    """It gets a sandbox of its own."""
    return _mark(attack, own=True)


def only_for(*users: str) -> Callable[[Attack], Attack]:
    """Where the server is run by these."""
    return lambda attack: _mark(attack, users=users)


def defect(reason: str, *users: str) -> Callable[[Attack], Attack]:
    """It is known to succeed where the server is run by these (by default by anybody)."""

    def mark(attack: Attack) -> Attack:
        known = dict(getattr(attack, "marks", {}).get("defects", ()))
        return _mark(attack, defects=tuple({**known, **dict.fromkeys(users or USERS, reason)}.items()))

    return mark


def cases_of(module: ModuleType) -> list[Case]:
    """The attacks of a module, in its order."""
    theme = module.__name__.rpartition(".")[2]
    return [
        Case(f"{theme}/{name.removeprefix('attack_')}", attack, **getattr(attack, "marks", {}))
        for name, attack in vars(module).items()
        if name.startswith("attack_")
    ]


def _mark(attack: Attack, **marks: Any) -> Attack:
    attack.marks = {**getattr(attack, "marks", {}), **marks}  # type: ignore[attr-defined]
    return attack
