import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest

from journeyman.models.openai import OpenAIModel
from journeyman.models.port import JsonObject, ModelError

from .answers import BASH, Answer, answer, request
from .conformance import ModelConformance
from .conftest import free_port
from .servers import Server, serving

pytestmark = pytest.mark.anyio

DONE = b"data: [DONE]\n\n"


@pytest.fixture
async def model(provider: str) -> AsyncIterator[OpenAIModel]:
    upstream = OpenAIModel(f"{provider}/v1", "key")
    yield upstream
    await upstream.close()


@contextlib.asynccontextmanager
async def upstream_of(server: Server) -> AsyncIterator[OpenAIModel]:
    upstream = OpenAIModel(server.url, None, idle_timeout=5)
    try:
        yield upstream
    finally:
        await upstream.close()


def chunk(delta: JsonObject, finish: str | None = None, **more: object) -> bytes:
    """A chunk with the least that servers send."""
    choice = {"index": 0, "delta": delta} | ({"finish_reason": finish} if finish else {})
    return b"data: " + orjson.dumps({"choices": [choice], **more}) + b"\n\n"


def tool_chunk(index: int | None, id_: str | None = None, name: str | None = None, arguments: str = "") -> bytes:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    call: JsonObject = {"function": function} | ({"id": id_} if id_ else {})
    return chunk({"tool_calls": [call if index is None else {"index": index, **call}]})


async def played(*chunks: bytes) -> Answer:
    async with serving(*chunks, DONE) as server, upstream_of(server) as upstream:
        return await answer(upstream, request("hello"))


async def sent(provider: str) -> JsonObject:
    """The body of the last request that the provider got."""
    async with aiohttp.ClientSession() as http, http.get(f"{provider}/_fake/requests?last=1") as response:
        return (await response.json())[0]["body"]


class TestConformance(ModelConformance):
    pass


async def test_the_request_in_chat_shape(model: OpenAIModel, provider: str) -> None:
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    await answer(model, request("hello", model="gpt-x", system=system, effort="high", max_tokens=77))
    assert await sent(provider) == {
        "model": "gpt-x",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
        "max_completion_tokens": 77,
        "reasoning_effort": "high",
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "bash",
                    "description": BASH["description"],
                    "parameters": BASH["input_schema"],
                },
            }
        ],
    }


async def test_a_whole_conversation_in_chat_shape(model: OpenAIModel, provider: str) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    pdf = {
        "type": "document",
        "title": "a.pdf",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"},
    }
    user = {"role": "user", "content": [{"type": "text", "text": "look"}, image, pdf]}
    assistant = {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "of another provider", "signature": "sig"},
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "t1", "name": "bash", "input": {"command": "ls"}},
            {"type": "tool_use", "id": "t2", "name": "bash", "input": {}},
        ],
    }
    results = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "no"}], "is_error": True},
            {"type": "tool_result", "tool_use_id": "t2", "content": [image]},
            {"type": "text", "text": "go on"},
        ],
    }
    reminder = {"role": "system", "content": "Be kind."}
    await answer(model, request(user, assistant, results, reminder))
    image_part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert (await sent(provider))["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                image_part,
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
            ],
        },
        {
            "role": "assistant",
            "content": "I look.",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "bash", "arguments": '{"command":"ls"}'}},
                {"id": "t2", "type": "function", "function": {"name": "bash", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "The tool call failed: no"},
        {"role": "tool", "tool_call_id": "t2", "content": "(see the next user message)"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What tool call t2 returned:"},
                image_part,
                {"type": "text", "text": "go on"},
            ],
        },
        {"role": "system", "content": "Be kind."},
    ]


async def test_cached_tokens_are_counted_apart() -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 60}}
    whole = await played(chunk({"content": "x"}, "stop"), chunk({}, usage=usage))
    assert whole.usage == {
        "input_tokens": 40,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 0,
        "output_tokens": 7,
    }


async def test_calls_that_are_all_numbered_zero_are_told_apart_by_id() -> None:
    whole = await played(
        tool_chunk(0, "a", "bash", '{"command":"1"}'), tool_chunk(0, "b", "bash", '{"command":"2"}'), chunk({}, "stop")
    )
    assert [(block["id"], block["input"]) for block in whole.content] == [
        ("a", {"command": "1"}),
        ("b", {"command": "2"}),
    ]
    assert whole.stop_reason == "tool_use"


async def test_calls_whose_pieces_alternate_stay_whole() -> None:
    whole = await played(
        tool_chunk(0, "a", "bash"),
        tool_chunk(1, "b", "bash"),
        tool_chunk(0, arguments='{"command":'),
        tool_chunk(1, arguments="{}"),
        tool_chunk(0, arguments='"1"}'),
        chunk({}, "tool_calls"),
    )
    assert [block["input"] for block in whole.content] == [{"command": "1"}, {}]


async def test_a_call_without_id_or_arguments_gets_both() -> None:
    whole = await played(tool_chunk(None, None, "bash"), chunk({}, "tool_calls"))
    assert whole.content[0]["id"].startswith("call_")
    assert whole.content[0]["input"] == {}


async def test_a_refusal_is_a_refusal() -> None:
    whole = await played(chunk({"refusal": "I won't."}), chunk({}, "stop"))
    assert (whole.text, whole.stop_reason) == ("I won't.", "refusal")


async def test_an_end_without_finish_reason_is_transient() -> None:
    async with serving(chunk({"content": "x"}), DONE) as server, upstream_of(server) as upstream:
        with pytest.raises(ModelError, match="finish_reason") as failed:
            await answer(upstream, request("hello"))
        assert failed.value.transient


async def test_a_used_up_quota_is_a_billing_error() -> None:
    """OpenAI answers 429 with the code insufficient_quota when there is no money left."""
    quota = "insufficient_quota"
    body = orjson.dumps({"error": {"message": "You exceeded your current quota", "type": quota, "code": quota}})
    async with serving(body, status="429 Too Many Requests", headers="") as server, upstream_of(server) as upstream:
        with pytest.raises(ModelError, match="current quota") as failed:
            await answer(upstream, request("hello"))
        assert (failed.value.kind, failed.value.transient) == ("billing", False)


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("max_completion_tokens", "Unknown parameter: 'max_completion_tokens'."),
        ("reasoning_effort", "Unrecognized request argument supplied: reasoning_effort"),
        ("stream_options", "stream_options: Extra inputs are not permitted"),
    ],
)
async def test_what_a_server_does_not_take_is_left_out_from_then_on(parameter: str, message: str) -> None:
    def reply(body: bytes) -> tuple[str, bytes]:
        if parameter in orjson.loads(body):
            return "400 Bad Request", orjson.dumps({"error": {"message": message}})
        return "200 OK", chunk({"content": "fine"}, "stop") + DONE

    async with serving(reply=reply) as server, upstream_of(server) as upstream:
        for _ in range(2):
            assert (await answer(upstream, request("hello", effort="low", max_tokens=9))).text == "fine"
        assert [parameter in orjson.loads(body) for body in server.bodies] == [True, False, False]
        assert orjson.loads(server.bodies[-1]).get("max_tokens") == (
            9 if parameter == "max_completion_tokens" else None
        )


@pytest.mark.parametrize(
    "error",
    [
        {"message": "max_completion_tokens is too large: this model supports at most 4096"},
        {"message": "Unsupported value: 'reasoning_effort' does not support 'max'", "code": "unsupported_value"},
    ],
)
async def test_a_refused_value_is_not_silently_dropped(error: JsonObject) -> None:
    body = orjson.dumps({"error": error})
    async with serving(body, status="400 Bad Request", headers="") as server, upstream_of(server) as upstream:
        with pytest.raises(ModelError, match="support") as failed:
            await answer(upstream, request("hello", effort="max"))
        assert not failed.value.transient
        assert server.requests == 1


async def test_closing_the_iterator_closes_the_connection() -> None:
    async with serving(chunk({"content": "x"}), hold=True) as server, upstream_of(server) as upstream:
        events = upstream.stream(request("hello"))
        assert (await anext(events))["type"] == "message_start"
        await events.aclose()
        async with asyncio.timeout(2):
            await server.hung_up.wait()


async def test_a_provider_that_is_not_there_is_transient() -> None:
    upstream = OpenAIModel(f"http://127.0.0.1:{free_port()}", None)
    with pytest.raises(ModelError) as failed:
        await answer(upstream, request("hello"))
    assert (failed.value.kind, failed.value.transient) == ("failed", True)
    await upstream.close()


async def test_silence_is_transient() -> None:
    async with serving(chunk({"content": "x"}), hold=True) as server:
        upstream = OpenAIModel(server.url, None, idle_timeout=0.05)
        with pytest.raises(ModelError) as failed:
            await answer(upstream, request("hello"))
        assert (failed.value.kind, failed.value.transient) == ("failed", True)
        await upstream.close()


async def test_models_are_listed(model: OpenAIModel) -> None:
    cards = {card.id: card for card in await model.list()}
    assert cards["gpt-fake-1"].created_at == "2023-11-14T22:13:20Z"


async def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ModelError, match=r"pip install 'journeyman\[openai\]'") as failed:
        await answer(OpenAIModel("http://127.0.0.1:1", None), request("hello"))
    assert not failed.value.transient
