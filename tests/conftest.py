"""What all tests share: a running server and a running Postgres, each started when a test first asks for it."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from container_engine import empty_podman
from crash.fleet import Fleet, fresh_database
from front import front
from postgres import PostgresMissing, start_postgres
from server import QUICK_RETRIES, RunningServer, start_server

from journeyman.sandboxes.docker.bases import EngineBases


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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--many",
        action="store_true",
        help="the shared server is two, which take turns, and two workers run the sessions",
    )
    parser.addoption("--docker", action="store_true", help="the sandboxes of servers are containers of an engine")


@pytest.fixture(scope="session")
def server(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    sandbox_section: dict[str, dict[str, Any]],
) -> Iterator[RunningServer]:
    """One server for all tests that can share it: SQLite, scripted models, no rate limits."""
    directory = tmp_path_factory.mktemp("server")
    if request.config.getoption("--many"):
        database = fresh_database(request.getfixturevalue("postgres_url"), "shared")
        fleet = Fleet(directory, database, retry=QUICK_RETRIES)
        with fleet.up(2, 2), front([server.url for server in fleet.servers]) as url:
            yield replace(fleet.servers[0], url=url)
        fleet.close()
        return
    with start_server(directory, **sandbox_section) as running:
        yield running


@pytest.fixture(scope="session")
def sandbox_section(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, dict[str, Any]]]:
    """What servers are told of their sandboxes."""
    if not request.config.getoption("--docker"):
        yield {}
        return
    # Not pytest's own directory: podman has a limit on the length of paths.
    with empty_podman(Path(tempfile.mkdtemp(prefix="podman-"))) as engine:
        bases = EngineBases(tmp_path_factory.mktemp("bases"), engine.socket, "debian-min")
        bases.build("debian-min", [], lambda _: None)
        yield {"sandbox": {"provider": "docker", "docker": {"socket": engine.socket}}}
