"""Writing a file of a sandbox: recorded outside before it happens, so that it can be finished or told apart later."""

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import orjson

from journeyman.sandboxes.local.acting import acting_as
from journeyman.sandboxes.local.files import check_depth, check_target, explained, final_path, make_parents, split
from journeyman.sandboxes.local.reading import fingerprint
from journeyman.sandboxes.port import SandboxError, UnknownOutcome

_PAGE = 4096


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
    """A file per write, ID.write: a line with the intent, then the data; ID.note once it is done.

    A file is complete when its data have the hash its intent says; only then does the write begin.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, run: str) -> str | None:
        """The note of a finished write."""
        try:
            with self._file(run, "note").open("rb") as file:
                intent: Intent = orjson.loads(file.readline())
        except FileNotFoundError:
            return None
        return intent["note"]

    def begun(self, run: str) -> tuple[Intent, bytes] | None:
        """A write that was begun and not finished, and its data."""
        try:
            line, _, data = self._file(run, "write").read_bytes().partition(b"\n")
            intent: Intent = orjson.loads(line)
        except (FileNotFoundError, orjson.JSONDecodeError):
            return None
        intent["path"] = os.fsdecode(intent["path"].encode("latin-1"))
        return (intent, data) if hashlib.sha256(data).hexdigest() == intent["new"] else None

    def begin(self, run: str, intent: Intent, data: bytes) -> None:
        # A path is bytes, which need not be UTF-8: as Latin-1 they all can be recorded.
        recorded = {**intent, "path": os.fsencode(intent["path"]).decode("latin-1")}
        self._file(run, "write").write_bytes(orjson.dumps(recorded) + b"\n" + data)

    def finish(self, run: str) -> None:
        done = self._file(run, "note")
        self._file(run, "write").rename(done)
        if done.stat().st_size > _PAGE:
            with done.open("rb+") as file:
                file.truncate(len(file.readline()))

    def drop(self, run: str) -> None:
        """It was not done, and will not be."""
        self._file(run, "write").unlink(missing_ok=True)

    def _file(self, run: str, kind: str) -> Path:
        return self._path / f"{run}.{kind}"


def write(target: Target, log: WriteLog, run: str, path: str, data: bytes, note: str, if_sha256: str | None) -> str:
    """Perform a write that was not begun before. Raises what the port's `write` raises."""
    try:
        path = final_path(target.root, path)
        check_depth(path)
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
            with acting_as(target.owner):
                _replace(target, directory, split(path)[1], data, found)
        except OSError as error:
            log.drop(run)
            raise explained(error, path) from None
    finally:
        os.close(directory)
    log.finish(run)
    return note


def complete(target: Target, log: WriteLog, run: str, intent: Intent, data: bytes) -> str:
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
            with acting_as(target.owner):
                _replace(target, directory, split(path)[1], data, found)
        finally:
            os.close(directory)
    elif current != intent["new"]:
        raise UnknownOutcome(f"Whether {path} was written cannot be known: it has changed since. Read it and decide.")
    log.finish(run)
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
            os.fchmod(descriptor, old.st_mode & 0o777 if old else 0o644)
        finally:
            os.close(descriptor)
        os.rename(staged, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        os.unlink(staged, dir_fd=directory)
        raise
