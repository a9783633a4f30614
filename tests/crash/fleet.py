"""Several processes of one database and one data directory, each of which can be killed, held and started anew."""

import contextlib
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import psycopg
from server import API_KEY, Process, RunningServer, start_process, stop_process, write_config

from .house import House

JsonObject = dict[str, Any]


class Fleet(House):
    """Servers that answer requests, and workers that run sessions. `client` speaks with the first server."""

    def __init__(self, directory: Path, database_url: str, **sections: JsonObject) -> None:
        super().__init__(directory, database_url, **sections)
        self.directory = directory
        self.database_url = database_url
        self.servers: list[RunningServer] = []
        self.clients: list[anthropic.Anthropic] = []
        self.workers: list[Process] = []

    @contextmanager
    def up(self, servers: int, workers: int, *, api_only: bool = True) -> Iterator["Fleet"]:
        self._config = write_config(self.directory, database_url=self.database_url, **self.configured)
        self.servers, self.clients, self.workers = [], [], []
        try:
            for _ in range(servers):
                self.add_server(api_only=api_only)
            for _ in range(workers):
                self.add_worker()
            yield self
        finally:
            for client in self.clients:
                client.close()
            for process in [*(server.process for server in self.servers), *self.workers]:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                stop_process(process)

    @contextmanager
    def open(self) -> Iterator["House"]:
        """Two servers and two workers."""
        with self.up(servers=2, workers=2):
            yield self

    def kill(self) -> None:
        """All of them at once."""
        processes = [*(server.process for server in self.servers), *self.workers]
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            process.wait()

    def add_server(self, *, api_only: bool = True) -> None:
        words = ["serve", *(["--api-only"] if api_only else []), "--config", str(self._config)]
        process, url = start_process(self.directory, *words)
        self.servers.append(RunningServer(url, API_KEY, self.directory / "data", process))
        self.clients.append(anthropic.Anthropic(api_key=API_KEY, base_url=url, max_retries=2))
        self._server, self.client = self.servers[0], self.clients[0]

    def add_worker(self) -> Process:
        process, _ = start_process(self.directory, "worker", "--config", str(self._config))
        self.workers.append(process)
        return process

    def kill_worker(self, process: Process) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.workers.remove(process)

    def owner(self, session: str) -> str | None:
        """The process that owns a session, as the database has it."""
        [row] = self.query("SELECT owner FROM sessions WHERE id = %s", session)
        return row[0]

    def query(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)  # pyright: ignore[reportArgumentType, reportCallIssue]
            return cursor.fetchall() if cursor.description else []


def fresh_database(base: str, name: str) -> str:
    """The URL of an empty database on a test cluster."""
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # pyright: ignore
        connection.execute(f"CREATE DATABASE {name}")  # pyright: ignore
    return f"{base.rpartition('/')[0]}/{name}"
