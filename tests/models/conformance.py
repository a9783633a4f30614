"""What every adapter of the model port owes its callers. The `model` fixture is one that plays script lines."""

import asyncio

import pytest

from journeyman.models.port import ErrorKind, Model, ModelError

from .answers import Answer, answer, request, unique

FAULTS: list[tuple[int, ErrorKind, bool]] = [
    (400, "failed", False),
    (401, "failed", False),
    (402, "billing", False),
    (403, "failed", False),
    (404, "failed", False),
    (408, "failed", True),
    (409, "failed", True),
    (413, "failed", False),
    (429, "rate_limited", True),
    (500, "failed", True),
    (502, "failed", True),
    (503, "failed", True),
    (504, "failed", True),
    (529, "overloaded", True),
]


class ModelConformance:
    async def test_a_text_answer_has_the_events_of_the_messages_stream(self, model: Model) -> None:
        whole = await answer(model, request("SCRIPT: text one two three"))
        assert whole.text == "one two three"
        assert whole.stop_reason == "end_turn"
        assert whole.types == [
            "message_start",
            "content_block_start",
            *["content_block_delta"] * 3,
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
        assert whole.message["role"] == "assistant"
        assert whole.message["id"]

    async def test_a_tool_call_brings_its_input_in_pieces(self, model: Model) -> None:
        whole = await answer(model, request("SCRIPT: say I will look && bash ls -la /tmp"))
        assert [block["type"] for block in whole.content] == ["text", "tool_use"]
        call = whole.content[1]
        assert call["name"] == "bash"
        assert call["id"]
        assert call["input"] == {"command": "ls -la /tmp"}
        assert whole.stop_reason == "tool_use"

    async def test_parallel_calls_keep_their_order_and_have_their_own_ids(self, model: Model) -> None:
        whole = await answer(model, request('SCRIPT: bash first && tool other {"n": 2} && bash third'))
        assert [(block["name"], block["input"]) for block in whole.content] == [
            ("bash", {"command": "first"}),
            ("other", {"n": 2}),
            ("bash", {"command": "third"}),
        ]
        assert len({block["id"] for block in whole.content}) == 3

    async def test_the_conversation_goes_on_after_a_tool_result(self, model: Model) -> None:
        asked = "SCRIPT: bash true | text it said so"
        first = await answer(model, request(asked))
        result = {"type": "tool_result", "tool_use_id": first.content[0]["id"], "content": [], "is_error": True}
        rest = [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
        assert (await answer(model, request(asked, *rest))).text == "it said so"

    async def test_thinking_comes_before_the_text(self, model: Model) -> None:
        whole = await answer(model, request("SCRIPT: think let me see && text found"))
        assert [block["type"] for block in whole.content] == ["thinking", "text"]
        assert whole.content[0]["thinking"] == "let me see"

    async def test_usage_counts_input_and_output(self, model: Model) -> None:
        short = await answer(model, request("SCRIPT: text a"))
        long = await answer(model, request("x" * 4000, "SCRIPT: text*200 word "))
        for whole in (short, long):
            assert all(isinstance(whole.usage[key], int) for key in ("input_tokens", "output_tokens"))
            assert whole.usage["cache_read_input_tokens"] == 0
            assert whole.usage["cache_creation_input_tokens"] == 0
        assert long.usage["input_tokens"] > short.usage["input_tokens"] + 500
        assert long.usage["output_tokens"] > short.usage["output_tokens"] + 100

    @pytest.mark.parametrize(
        ("action", "reason"), [("text", "end_turn"), ("maxtokens", "max_tokens"), ("refusal", "refusal")]
    )
    async def test_stop_reasons(self, model: Model, action: str, reason: str) -> None:
        whole = await answer(model, request(f"SCRIPT: {action} so far"))
        assert (whole.text, whole.stop_reason) == ("so far", reason)

    @pytest.mark.parametrize(("status", "kind", "transient"), FAULTS)
    async def test_an_error_status_is_told_apart(
        self, model: Model, status: int, kind: ErrorKind, transient: bool
    ) -> None:
        asked = request(f"SCRIPT: {{status={status}}} text fine {unique()}")
        with pytest.raises(ModelError) as failed:
            await answer(model, asked)
        assert (failed.value.kind, failed.value.transient, failed.value.status) == (kind, transient, status)
        assert f"injected {status}" in failed.value.message
        assert failed.value.retry_after is None
        assert (await answer(model, asked)).text == "fine"

    async def test_a_refused_key_says_to_check_it(self, model: Model) -> None:
        with pytest.raises(ModelError, match="Check the API key"):
            await answer(model, request(f"SCRIPT: {{status=401}} text fine {unique()}"))

    async def test_retry_after_is_handed_on(self, model: Model) -> None:
        with pytest.raises(ModelError) as failed:
            await answer(model, request(f"SCRIPT: {{status=429,retry_after=2.5}} text fine {unique()}"))
        assert failed.value.retry_after == 2.5

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            ("cut=2", "failed"),
            ("midstream=overloaded_error,after=2", "overloaded"),
            ("midstream=api_error,after=2", "failed"),
        ],
    )
    async def test_a_stream_that_breaks_is_transient_after_what_arrived(
        self, model: Model, fault: str, kind: ErrorKind
    ) -> None:
        asked = request(f"SCRIPT: {{{fault}}} text a b c d {unique()}")
        partly = Answer()
        with pytest.raises(ModelError) as failed:
            async for event in model.stream(asked):
                partly.add(event)
        assert (failed.value.kind, failed.value.transient) == (kind, True)
        assert partly.text == "a b "
        assert (await answer(model, asked)).text == "a b c d"

    async def test_closing_early_leaves_the_model_usable(self, model: Model) -> None:
        events = model.stream(request(f"SCRIPT: {{stall=60}} text a b c {unique()}"))
        async for event in events:
            if event["type"] == "content_block_delta":
                break
        async with asyncio.timeout(2):
            await events.aclose()
        assert (await answer(model, request("SCRIPT: text fine"))).text == "fine"

    async def test_cancelling_the_reader_ends_the_wait(self, model: Model) -> None:
        begun = asyncio.Event()

        async def read() -> None:
            async for event in model.stream(request(f"SCRIPT: {{stall=60}} text a b c {unique()}")):
                if event["type"] == "content_block_delta":
                    begun.set()

        reader = asyncio.create_task(read())
        await begun.wait()
        reader.cancel()
        async with asyncio.timeout(2):
            with pytest.raises(asyncio.CancelledError):
                await reader

    async def test_many_answers_at_once_do_not_mix(self, model: Model) -> None:
        asked = [request(f"SCRIPT: text*20 w{n} ") for n in range(20)]
        whole = await asyncio.gather(*(answer(model, one) for one in asked))
        for n, one in enumerate(whole):
            assert set(one.text.split("w")) - {""} <= {str(n), f"{n} "}
            assert one.deltas == 20
