"""A database of the engines' own."""

import pytest
from crash.fleet import fresh_database


@pytest.fixture(scope="session")
def engine_database(postgres_url: str) -> str:
    """Its URL. The tests name no session that is in it."""
    return fresh_database(postgres_url, "engines")
