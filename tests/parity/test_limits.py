"""Rate limits, on a server that has some (facts 1.9)."""

from collections.abc import Iterator

import anthropic
import httpx2
import pytest
from anthropic import Anthropic
from server import RunningServer, start_server

from .conftest import MANAGED
from .test_gates import answered

pytestmark = pytest.mark.documented

CREATES, READS = 3, 5


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with two keys and low limits for each."""
    limits = {"rate_limit_creates": CREATES, "rate_limit_reads": READS, "api_keys": ["first-key", "second-key"]}
    with start_server(tmp_path_factory.mktemp("limited"), server=limits) as running:
        yield running


def connect(server: RunningServer, key: str) -> httpx2.Client:
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01", "anthropic-beta": MANAGED}
    return httpx2.Client(base_url=server.url, headers=headers, trust_env=False)


def test_limits(limited: RunningServer) -> None:
    """facts 1.9, 2.2: beyond its limit a key gets 429 and when to come again; creates and reads are counted apart."""
    with connect(limited, "first-key") as http:
        created = [http.post("/v1/environments", json={"name": "x"}) for _ in range(CREATES + 1)]
        read = [http.get("/v1/agents") for _ in range(READS + 1)]
    for responses in (created, read):
        *allowed, refused = responses
        assert {response.status_code for response in allowed} == {200}
        assert answered(refused)[:2] == (429, "rate_limit_error")
        assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_each_key_has_its_own(limited: RunningServer) -> None:
    """facts 1.9: one key's requests do not count against another's; refused ones count against nobody."""
    with connect(limited, "second-key") as http:
        assert {http.get("/v1/agents").status_code for _ in range(READS)} == {200}
    client = Anthropic(base_url=limited.url, api_key="second-key", max_retries=0)
    with client, pytest.raises(anthropic.RateLimitError):
        client.beta.agents.list()
    with connect(limited, "wrong") as http:
        assert {http.get("/v1/agents").status_code for _ in range(READS + 1)} == {401}
