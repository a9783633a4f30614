"""Programs that make an image's files: root among the image's users, nobody on the host."""

import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from journeyman.sandboxes.local.identity import IdMap, Mapping, id_map
from journeyman.sandboxes.port import EnvironmentFailed

PLACE = "/mnt"
"""Where the programs find the directory they work in, whatever the host calls it."""
_LAST = 15
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "TMPDIR": "/tmp",
    "DEBIAN_FRONTEND": "noninteractive",
}
"""None of the server's own, which may hold secrets."""
# Canonical paths would lead through directories of the host that the image's root may not pass.
_INSIDE = f'mount --no-canonicalize --rbind . {PLACE} && cd {PLACE} && exec "$@"'
# Waits for the maps of ids. A change of user forgets the signal that unshare arranged for its child.
_ENTER = 'echo ready; read -r _ && exec setpriv --pdeathsig=KILL --reuid=0 --regid=0 --clear-groups -- "$@"'
_UNSHARE = ["unshare", "--user", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--keep-caps"]


class ImageFailed(EnvironmentFailed):
    """An image could not be made; the message says why and what to do."""


class ProgramFailed(ImageFailed):
    """A program ended otherwise than well; the message ends with its last lines."""

    def __init__(self, program: str, lines: list[str]) -> None:
        super().__init__("\n".join([f"{program} failed:", *lines]))


def owners(base: int) -> IdMap:
    """Who an image's users are on the host: `base` and following for root, else the user's subordinate ids.

    Raises ImageFailed.
    """
    ids = id_map(0, base)
    if sum(mapping.size for mapping in ids.users) == 1:
        raise ImageFailed(
            f"An image's files need more than one user, and uid {os.geteuid()} has no subordinate ids here. "
            "As root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER (and install uidmap)."
        )
    return ids


class Namespace:
    """A user, mount and pid namespace for each program, with one directory in it."""

    def __init__(self, ids: IdMap, directory: Path) -> None:
        self._ids = ids
        self._directory = directory

    def run(
        self,
        argv: list[str],
        *,
        feed: Callable[[IO[bytes]], None] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Run a program in the directory to its end; dies with the calling thread.

        `feed` writes its standard input, `tell` gets each line it prints. Raises ProgramFailed.
        """
        lines: deque[str] = deque(maxlen=_LAST)
        process = self._start(argv)
        try:
            reader = threading.Thread(target=_read, args=(process, lines, tell), daemon=True)
            reader.start()
            _feed(process, feed)
            code = process.wait()
            reader.join()
        finally:
            process.kill()
            process.wait()
        if code:
            raise ProgramFailed(argv[0], list(lines))

    def _start(self, argv: list[str]) -> "subprocess.Popen[bytes]":
        command = ["setpriv", "--pdeathsig=KILL", *_UNSHARE, "sh", "-c", _ENTER, "sh"]
        command += ["sh", "-c", _INSIDE, "sh", *argv]
        process = subprocess.Popen(
            command,
            cwd=self._directory,
            env=_ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        first = process.stdout.readline()
        if first != b"ready\n":
            process.stdin.close()
            raise ProgramFailed("unshare", [first.decode(errors="replace").strip()])
        _write_map(process.pid, "uid", self._ids.users)
        _write_map(process.pid, "gid", self._ids.groups)
        process.stdin.write(b"\n")
        process.stdin.flush()
        return process


def _write_map(pid: int, kind: str, mappings: tuple[Mapping, ...]) -> None:
    if os.geteuid() == 0:
        text = "".join(f"{each.inside} {each.outside} {each.size}\n" for each in mappings)
        Path("/proc", str(pid), f"{kind}_map").write_text(text)
        return
    numbers = [str(number) for each in mappings for number in each]
    done = subprocess.run(
        [f"new{kind}map", str(pid), *numbers], env=_ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ProgramFailed(f"new{kind}map", done.stderr.splitlines())


def _feed(process: "subprocess.Popen[bytes]", feed: Callable[[IO[bytes]], None] | None) -> None:
    assert process.stdin is not None
    try:
        if feed:
            feed(process.stdin)
        process.stdin.close()
    except BrokenPipeError:
        pass  # it ended early, and its exit code says how


def _read(process: "subprocess.Popen[bytes]", lines: deque[str], tell: Callable[[str], None] | None) -> None:
    assert process.stdout is not None
    for raw in process.stdout:
        line = raw.decode(errors="replace").rstrip()
        lines.append(line)
        if tell:
            tell(line)
