from collections.abc import Iterator
from pathlib import Path

import pytest
from crash.fleet import fresh_database
from crash.house import House


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of an empty database; None is SQLite in the data directory."""
    if request.param == "sqlite":
        return None
    return fresh_database(request.getfixturevalue("postgres_url"), "kept")


@pytest.fixture
def house(tmp_path: Path, url: str | None) -> Iterator[House]:
    house = House(tmp_path, url)
    yield house
    house.close()
