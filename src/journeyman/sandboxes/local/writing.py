"""Writing a file of a sandbox: recorded outside before it happens, so that it can be finished or told apart later."""

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import orjson

from journeyman.sandboxes.local.files import check_target, explained, final_path, make_parents, split
from journeyman.sandboxes.local.reading import fingerprint
from journeyman.sandboxes.local.runlog import file_name
from journeyman.sandboxes.port import SandboxError, UnknownOutcome


class Intent(TypedDict):
    """A write as it is recorded before it begins."""

    path: str
    """with the links at its end followed"""
    old: str | None
    new: str
    note: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where a write goes: the sandbox's root directory and its root user (None: files are ours anyway)."""

    root: int
    owner: tuple[int, int] | None


class WriteLog:
    """Per run: ID.intent and ID.data, and ID.note once it is done."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, run: str) -> str | None:
        """The note of a finished write."""
        try:
            return self._file(run, "note").read_text()
        except FileNotFoundError:
            return None

    def intent(self, run: str) -> Intent | None:
        try:
            intent: Intent = orjson.loads(self._file(run, "intent").read_bytes())
        except FileNotFoundError:
            return None
        return intent

    def data(self, run: str) -> bytes:
        return self._file(run, "data").read_bytes()

    def begin(self, run: str, intent: Intent, data: bytes) -> None:
        self._file(run, "data").write_bytes(data)
        self._put(run, "intent", orjson.dumps(intent))

    def finish(self, run: str, note: str) -> None:
        self._put(run, "note", note.encode())
        self.drop(run)

    def drop(self, run: str) -> None:
        for kind in ("intent", "data"):
            self._file(run, kind).unlink(missing_ok=True)

    def _put(self, run: str, kind: str, data: bytes) -> None:
        staged = self._file(run, "new")
        staged.write_bytes(data)
        staged.rename(self._file(run, kind))

    def _file(self, run: str, kind: str) -> Path:
        return self._path / f"{file_name(run)}.{kind}"


def write(
    target: Target, log: WriteLog, run: str, path: str, data: bytes, note: str, if_sha256: str | None
) -> str:
    """Perform a write that was not begun before. Raises what the port's `write` raises."""
    try:
        path = final_path(target.root, path)
        directory = make_parents(target.root, path, target.owner)
    except OSError as error:
        raise explained(error, path) from None
    try:
        found = check_target(target.root, directory, split(path)[1], path)
        old = fingerprint(target.root, path) if found else None
        if if_sha256 is not None and old != if_sha256:
            raise SandboxError(f"{path} has changed since it was read. Read it again before you change it.")
        log.begin(run, {"path": path, "old": old, "new": hashlib.sha256(data).hexdigest(), "note": note}, data)
        try:
            _replace(target, directory, split(path)[1], data, found)
        except OSError as error:
            log.drop(run)
            raise explained(error, path) from None
    finally:
        os.close(directory)
    log.finish(run, note)
    return note


def complete(target: Target, log: WriteLog, run: str, intent: Intent) -> str:
    """Finish a write that was begun. Raises UnknownOutcome."""
    path = intent["path"]
    try:
        current = fingerprint(target.root, path)
    except (OSError, SandboxError):
        current = ""
    if current == intent["old"] and current != intent["new"]:
        directory = make_parents(target.root, path, target.owner)
        try:
            found = check_target(target.root, directory, split(path)[1], path)
            _replace(target, directory, split(path)[1], log.data(run), found)
        finally:
            os.close(directory)
    elif current != intent["new"]:
        raise UnknownOutcome(f"Whether {path} was written cannot be known: it has changed since. Read it and decide.")
    log.finish(run, intent["note"])
    return intent["note"]


def _replace(target: Target, directory: int, name: str, data: bytes, old: os.stat_result | None) -> None:
    staged = f".{secrets.token_hex(6)}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(staged, flags, 0o600, dir_fd=directory)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if target.owner:
                os.fchown(descriptor, *target.owner)
            os.fchmod(descriptor, stat.S_IMODE(old.st_mode) if old else 0o644)
        finally:
            os.close(descriptor)
        os.rename(staged, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        os.unlink(staged, dir_fd=directory)
        raise
