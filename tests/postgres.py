"""A real Postgres cluster for tests, in a directory of its own, on loopback."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_OWNER = "postgres"
"""Postgres refuses to run as root; root runs it as this user."""

_START_SECONDS = 60


class PostgresMissing(Exception):
    """This machine has no Postgres server binaries."""


@contextmanager
def start_postgres(directory: Path) -> Iterator[str]:
    """Run a fresh cluster in `directory` and give its postgresql:// URL; it is stopped on leaving.

    The directory must be empty and, when this is root, reachable by the user `postgres`, who becomes its owner.
    Nothing is synced to disk. Raises PostgresMissing, and CalledProcessError when the cluster does not start.
    """
    binaries = _binaries()
    as_owner = _become_owner(directory)
    cluster, log, port = directory / "cluster", directory / "postgres.log", _free_port()
    _run([*as_owner, binaries / "initdb", "-D", cluster, "-U", _OWNER, "-A", "trust", "-E", "UTF8", "--no-sync"])
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=50"
    )
    control = [*as_owner, binaries / "pg_ctl", "-D", cluster, "-w", "-t", str(_START_SECONDS)]
    _run([*control, "-l", log, "-o", options, "start"])
    try:
        yield f"postgresql://{_OWNER}@127.0.0.1:{port}/postgres"
    finally:
        _run([*control, "-m", "immediate", "stop"])


def _binaries() -> Path:
    """The directory of initdb and pg_ctl, of the newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.append(Path(on_path))
    if not found:
        raise PostgresMissing("There is no initdb on this machine; install the Postgres server.")
    return found[-1].parent


def _become_owner(directory: Path) -> list[str]:
    """The command prefix under which Postgres runs; gives it the directory when that is another user."""
    if os.geteuid() != 0:
        return []
    owner = pwd.getpwnam(_OWNER)
    os.chown(directory, owner.pw_uid, owner.pw_gid)
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
