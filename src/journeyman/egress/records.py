"""What the egress process must know after its own death: what is attached, and what the operator allows and trusts."""

import re
from pathlib import Path
from typing import NamedTuple

import orjson

from journeyman.egress.identity import Process
from journeyman.egress.policy import Policy

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


class Attached(NamedTuple):
    process: Process
    policy: Policy


class Settings(NamedTuple):
    """What the operator says of all sandboxes."""

    allow_private: tuple[str, ...] = ()
    ca_file: str | None = None
    """PEM: trusted besides the system's certificates."""


class Records:
    """Files below the process's directory, each replaced as a whole."""

    def __init__(self, directory: Path) -> None:
        self._attached = directory / "attached"
        self._attached.mkdir(mode=0o700, exist_ok=True)
        self._settings = directory / "settings.json"

    def all(self) -> dict[str, Attached]:
        found: dict[str, Attached] = {}
        for path in self._attached.glob("*.json"):
            fields = orjson.loads(path.read_bytes())
            policy = Policy(fields["mode"], tuple(fields["hosts"]))
            found[path.stem] = Attached(Process(*fields["process"]), policy)
        return found

    def put(self, sandbox: str, attached: Attached) -> None:
        policy = attached.policy
        fields = {"process": list(attached.process), "mode": policy.mode, "hosts": policy.hosts}
        _replace(self._attached / f"{sandbox}.json", fields)

    def drop(self, sandbox: str) -> None:
        (self._attached / f"{sandbox}.json").unlink(missing_ok=True)

    @property
    def settings(self) -> Settings:
        try:
            fields = orjson.loads(self._settings.read_bytes())
        except FileNotFoundError:
            return Settings()
        return Settings(tuple(fields["allow_private"]), fields.get("ca_file"))

    @settings.setter
    def settings(self, settings: Settings) -> None:
        _replace(self._settings, settings._asdict())


def checked_name(sandbox: str) -> str:
    """The name of a sandbox, which becomes a file's name. Raises ValueError."""
    if not _NAME.fullmatch(sandbox):
        raise ValueError(f"{sandbox!r} cannot name a sandbox: use letters, digits, '_', '-' and '.'")
    return sandbox


def _replace(path: Path, fields: object) -> None:
    staged = path.with_suffix(".new")
    staged.write_bytes(orjson.dumps(fields))
    staged.rename(path)
