"""SQLite: one writer thread that groups waiting transactions into one commit, and a few readers (WAL)."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from journeyman.store import schema

T = TypeVar("T")

_READERS = 2
_GROUP = 256


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    done: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class SQLiteDatabase:
    """A Database in one file. WAL, synchronous=FULL; writes are serial, readers never wait for them."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = _engine(path, begin="BEGIN IMMEDIATE")
        self._reader = _engine(path, begin="BEGIN")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(_READERS, "sqlite-read")
        self._local = threading.local()
        self._opened: list[Connection] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(schema.migrate, self._writer)
        self._thread = threading.Thread(target=self._write_loop, name="sqlite-write", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Connection], T]) -> T:
        if self._loop is None or self._closed:
            raise RuntimeError("the database is not open")
        job = _Job(work, self._loop.create_future())
        self._jobs.put(job)
        return await job.done

    async def read(self, work: Callable[[Connection], T]) -> T:
        assert self._loop is not None, "open() first"
        return await self._loop.run_in_executor(self._readers, self._read, work)

    async def close(self) -> None:
        self._closed = True
        self._jobs.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._opened:
            connection.close()

    def _read(self, work: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._reader.connect()
            self._opened.append(connection)
        with connection.begin():
            return work(connection)

    def _write_loop(self) -> None:
        with self._writer.connect() as connection:
            while (job := self._jobs.get()) is not None:
                group = [job, *self._waiting()]
                self._commit(connection, group)
                self._answer(group)

    def _waiting(self) -> list[_Job]:
        group: list[_Job] = []
        with contextlib.suppress(queue.Empty):
            while len(group) < _GROUP:
                job = self._jobs.get_nowait()
                if job is None:
                    self._jobs.put(None)
                    break
                group.append(job)
        return group

    @staticmethod
    def _commit(connection: Connection, group: list[_Job]) -> None:
        """All in one transaction. Only when one of them fails is each given a savepoint, and run again."""
        try:
            with connection.begin():
                for job in group:
                    job.result = job.work(connection)
        except Exception as error:
            if len(group) > 1:
                SQLiteDatabase._commit_apart(connection, group)
            else:
                group[0].error = error

    @staticmethod
    def _commit_apart(connection: Connection, group: list[_Job]) -> None:
        try:
            with connection.begin():
                for job in group:
                    _run(connection, job)
        except Exception as error:
            for job in group:
                job.error = job.error or error

    def _answer(self, group: list[_Job]) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
            self._loop.call_soon_threadsafe(_settle, group)


def _run(connection: Connection, job: _Job) -> None:
    try:
        with connection.begin_nested():
            job.result = job.work(connection)
    except Exception as error:
        job.error = error


def _settle(group: list[_Job]) -> None:
    for job in group:
        if job.done.cancelled():
            continue
        if job.error is not None:
            job.done.set_exception(job.error)
        else:
            job.done.set_result(job.result)


def _engine(path: Path, *, begin: str) -> Engine:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        cursor = connection.connection.cursor()
        cursor.execute(begin)
        cursor.close()

    return engine
