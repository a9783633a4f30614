"""The option for the long form."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="kill the server a few hundred times instead of a few")


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a server is killed at a random moment."""
    return 50 if request.config.getoption("--soak", default=False) else 4
