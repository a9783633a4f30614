"""The option for the long form."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .fleet import fresh_database
from .house import House


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="kill the server a few hundred times instead of a few")


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a server is killed at a random moment."""
    return 50 if request.config.getoption("--soak", default=False) else 4


@pytest.fixture(params=["sqlite", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A server on either database, unless a module has houses of its own."""
    name = request.module.__name__.rpartition("test_")[2]
    url = fresh_database(request.getfixturevalue("postgres_url"), name) if request.param == "postgres" else None
    house = House(tmp_path, url)
    yield house
    house.close()
