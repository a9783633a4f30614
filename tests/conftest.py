"""What all tests share: a running server and a running Postgres, each started when a test first asks for it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import PostgresMissing, start_postgres
from server import RunningServer, start_server


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A Postgres of this run's own. Its databases are the tests' to make."""
    try:
        # Not pytest's own directory: the user Postgres runs as cannot enter it.
        with tempfile.TemporaryDirectory(prefix="journeyman-") as directory, start_postgres(Path(directory)) as url:
            yield url
    except PostgresMissing as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests that can share it: SQLite, scripted models, no rate limits."""
    with start_server(tmp_path_factory.mktemp("server")) as running:
        yield running
