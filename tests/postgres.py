"""A real Postgres cluster for tests, in a directory of its own, on loopback."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_OWNER = "postgres"
"""Postgres refuses to run as root; root runs it as this user."""

_SECONDS = 60


class PostgresMissing(Exception):
    """This machine has no Postgres server binaries."""


class Cluster:
    """A cluster on disk, and its server while that runs. Nothing is synced to disk."""

    def __init__(self, directory: Path) -> None:
        """`directory` must be empty and, when this is root, reachable by the user `postgres`, who becomes its owner."""
        self._directory = directory
        self._binaries = _binaries()
        self._as_owner = _become_owner(directory)
        self._port = _free_port()
        initdb = [self._binaries / "initdb", "-D", directory / "cluster", "-U", _OWNER, "-A", "trust", "-E", "UTF8"]
        _run([*self._as_owner, *initdb, "--no-sync"])
        self.url = f"postgresql://{_OWNER}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Raises RuntimeError when it does not."""
        sockets = ["listen_addresses=127.0.0.1", "unix_socket_directories="]
        settings = [f"port={self._port}", *sockets, "fsync=off", "max_connections=100"]
        options = [word for setting in settings for word in ("-c", setting)]
        with (self._directory / "postgres.log").open("a") as log:
            command = [*self._as_owner, self._binaries / "postgres", "-D", self._directory / "cluster", *options]
            self._process = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _wait_for(self._process, self._binaries, self._port)

    def kill(self) -> None:
        """At once, all of it: what clients hear is a connection that ends."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(_SECONDS)


@contextmanager
def start_postgres(directory: Path) -> Iterator[str]:
    """Run a fresh cluster in `directory` and give its postgresql:// URL; it is stopped on leaving.

    Raises PostgresMissing, and CalledProcessError or RuntimeError when the cluster does not start.
    """
    cluster = Cluster(directory)
    cluster.start()
    try:
        yield cluster.url
    finally:
        cluster.kill()


def _wait_for(process: subprocess.Popen[bytes], binaries: Path, port: int) -> None:
    asked = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + _SECONDS
    while subprocess.run(asked, check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("The cluster did not start; see postgres.log in its directory.")
        time.sleep(0.05)


def _binaries() -> Path:
    """The directory of initdb and postgres, of the newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.append(Path(on_path).resolve())
    if not found:
        raise PostgresMissing("There is no initdb on this machine; install the Postgres server.")
    return found[-1].parent


def _become_owner(directory: Path) -> list[str]:
    """The command prefix under which Postgres runs, and ends when the tests die.

    When this is root, that is another user, who gets the directory.
    """
    prefix = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() != 0:
        return prefix
    owner = pwd.getpwnam(_OWNER)
    os.chown(directory, owner.pw_uid, owner.pw_gid)
    return [*prefix, f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
