import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest

from journeyman.models.anthropic import AnthropicModel
from journeyman.models.port import JsonObject, ModelError

from .answers import answer, request
from .conformance import ModelConformance
from .conftest import free_port
from .servers import Server, serving

pytestmark = pytest.mark.anyio

START = b'data: {"type":"message_start","message":{"id":"m","role":"assistant","content":[],"usage":{}}}\n\n'
STOP = b'data: {"type":"message_stop"}\n\n'


@pytest.fixture
async def model(provider: str) -> AsyncIterator[AnthropicModel]:
    upstream = AnthropicModel(provider, "key")
    yield upstream
    await upstream.close()


async def sent(provider: str) -> JsonObject:
    """The last request that the provider got."""
    async with aiohttp.ClientSession() as http, http.get(f"{provider}/_fake/requests?last=1") as response:
        return (await response.json())[0]


@contextlib.asynccontextmanager
async def upstream_of(server: Server) -> AsyncIterator[AnthropicModel]:
    upstream = AnthropicModel(server.url, None, idle_timeout=5)
    try:
        yield upstream
    finally:
        await upstream.close()


class TestConformance(ModelConformance):
    pass


async def test_thinking_is_signed(model: AnthropicModel) -> None:
    whole = await answer(model, request("SCRIPT: think hm && text x"))
    assert whole.content[0]["signature"]


async def test_the_request_arrives_as_given(model: AnthropicModel, provider: str) -> None:
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    await answer(model, request("hello", system=system, effort="high", max_tokens=77))
    last = await sent(provider)
    assert last["body"] == {
        "model": "claude-opus-5",
        "max_tokens": 77,
        "stream": True,
        "system": system,
        "messages": [{"role": "user", "content": "hello"}],
        "tools": request("hello").tools,
        "output_config": {"effort": "high"},
    }
    assert last["headers"]["anthropic-version"] == "2023-06-01"
    assert "anthropic-beta" not in last["headers"]


async def test_fast_speed_needs_its_beta_header(model: AnthropicModel, provider: str) -> None:
    await answer(model, request("hello", speed="fast"))
    last = await sent(provider)
    assert last["body"]["speed"] == "fast"
    assert last["headers"]["anthropic-beta"] == "fast-mode-2026-02-01"


@pytest.mark.parametrize(
    ("name", "effort", "thinking"),
    [
        ("claude-opus-5-5", True, False),
        ("claude-opus-4-8", True, True),
        ("claude-sonnet-4-6", True, True),
        ("anthropic/claude-opus-4.6", True, True),
        ("claude-opus-4-5-20251101", True, False),
        ("claude-haiku-4-5-20251001", False, False),
        ("claude-opus-4-20250514", False, False),
        ("claude-3-5-haiku-20241022", False, False),
        ("another-model", True, False),
    ],
)
async def test_effort_and_thinking_go_only_to_models_that_take_them(
    model: AnthropicModel, provider: str, name: str, effort: bool, thinking: bool
) -> None:
    await answer(model, request("hello", model=name, effort="low"))
    body = (await sent(provider))["body"]
    assert body.get("output_config") == ({"effort": "low"} if effort else None)
    assert body.get("thinking") == ({"type": "adaptive"} if thinking else None)


async def test_without_an_effort_nothing_is_said_of_thinking(model: AnthropicModel, provider: str) -> None:
    await answer(model, request("hello", model="claude-opus-4-8"))
    assert not {"thinking", "output_config", "speed"} & (await sent(provider))["body"].keys()


async def test_a_base_url_may_end_with_the_version(provider: str) -> None:
    upstream = AnthropicModel(f"{provider}/v1/", "key")
    assert (await answer(upstream, request("SCRIPT: text fine"))).text == "fine"
    await upstream.close()


async def test_models_are_listed_with_the_providers_own_object(model: AnthropicModel) -> None:
    cards = {card.id: card for card in await model.list()}
    card = cards["claude-opus-4-5"]
    assert (card.display_name, card.created_at) == ("claude-opus-4-5", "2025-01-01T00:00:00Z")
    assert card.raw["type"] == "model"


async def test_connections_are_used_again() -> None:
    async with serving(START, STOP) as server, upstream_of(server) as upstream:
        for _ in range(3):
            await answer(upstream, request("hello"))
        assert (server.requests, server.connections) == (3, 1)


async def test_closing_the_iterator_closes_the_connection() -> None:
    async with serving(START, hold=True) as server, upstream_of(server) as upstream:
        events = upstream.stream(request("hello"))
        assert (await anext(events))["type"] == "message_start"
        await events.aclose()
        async with asyncio.timeout(2):
            await server.hung_up.wait()


async def test_cancelling_the_wait_for_the_answer_closes_the_connection() -> None:
    async with serving(hold=True) as server, upstream_of(server) as upstream:
        reader = asyncio.create_task(anext(upstream.stream(request("hello"))))
        await server.asked.wait()
        reader.cancel()
        async with asyncio.timeout(2):
            await server.hung_up.wait()


async def test_pings_and_comments_are_left_out_however_the_bytes_are_cut() -> None:
    body = START + b'event: ping\r\ndata: {"type": "ping"}\r\n\r\n: comment\n\n' + STOP
    pieces = [body[i : i + 1] for i in range(len(body))]
    async with serving(*pieces) as server, upstream_of(server) as upstream:
        assert (await answer(upstream, request("hello"))).types == ["message_start", "message_stop"]


async def test_an_end_without_message_stop_is_transient() -> None:
    async with serving(START) as server, upstream_of(server) as upstream:
        with pytest.raises(ModelError, match="message_stop") as failed:
            await answer(upstream, request("hello"))
        assert failed.value.transient


async def test_silence_is_transient() -> None:
    async with serving(START, hold=True) as server:
        upstream = AnthropicModel(server.url, None, idle_timeout=0.05)
        with pytest.raises(ModelError) as failed:
            await answer(upstream, request("hello"))
        assert (failed.value.kind, failed.value.transient) == ("failed", True)
        await upstream.close()


async def test_a_provider_that_is_not_there_is_transient() -> None:
    upstream = AnthropicModel(f"http://127.0.0.1:{free_port()}", None)
    with pytest.raises(ModelError) as failed:
        await answer(upstream, request("hello"))
    assert (failed.value.kind, failed.value.transient, failed.value.status) == ("failed", True, None)
    await upstream.close()


@pytest.mark.parametrize(
    ("status", "headers", "body", "says"),
    [
        ("200 OK", "content-type: text/html\r\n", b"<h1>Hello</h1>", "base_url"),
        ("307 Temporary Redirect", "location: http://127.0.0.1:1/\r\n", b"", "307"),
        ("400 Bad Request", "", b"plain words", "plain words"),
    ],
)
async def test_what_is_no_messages_api_is_permanent(status: str, headers: str, body: bytes, says: str) -> None:
    async with serving(body, status=status, headers=headers) as server, upstream_of(server) as upstream:
        with pytest.raises(ModelError, match=says) as failed:
            await answer(upstream, request("hello"))
        assert not failed.value.transient


async def test_an_empty_account_is_a_billing_error() -> None:
    """The Anthropic API answers 400 invalid_request_error when the credit balance is too low."""
    body = (
        b'{"type":"error","error":{"type":"invalid_request_error",'
        b'"message":"Your credit balance is too low to access the Anthropic API."}}'
    )
    async with serving(body, status="400 Bad Request", headers="") as server, upstream_of(server) as upstream:
        with pytest.raises(ModelError, match="credit balance") as failed:
            await answer(upstream, request("hello"))
        assert (failed.value.kind, failed.value.transient) == ("billing", False)


async def test_an_upstream_without_a_list_lists_nothing() -> None:
    async with serving(b"{}", status="404 Not Found", headers="") as server, upstream_of(server) as upstream:
        assert await upstream.list() == []
