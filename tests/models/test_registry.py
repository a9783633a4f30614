import subprocess
import sys

import pytest

from journeyman.models.anthropic import AnthropicModel
from journeyman.models.openai import OpenAIModel
from journeyman.models.port import ModelError
from journeyman.models.registry import ConfiguredModels, Route
from journeyman.models.scripted import ScriptedModel

from .answers import answer, request
from .conftest import free_port
from .servers import serving

pytestmark = pytest.mark.anyio


def refused(models: ConfiguredModels, model: str) -> str:
    with pytest.raises(ModelError) as failed:
        models.find(model)
    assert (failed.value.kind, failed.value.transient) == ("failed", False)
    return failed.value.message


def test_importing_it_loads_no_adapter() -> None:
    code = (
        "import sys, journeyman.models.registry; print(*{'aiohttp', 'openai', 'anthropic', 'httpx2'} & {*sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == ""


def test_the_first_matching_route_serves_a_model() -> None:
    models = ConfiguredModels(
        [
            Route("claude-special", "openai", "http://127.0.0.1:1/v1"),
            Route("claude-*", "anthropic", None, "key"),
            Route("local", "openai", "http://127.0.0.1:1/v1", ids=("qwen3:8b",)),
            Route("demo", "scripted"),
        ]
    )
    assert isinstance(models.find("claude-special"), OpenAIModel)
    assert isinstance(models.find("claude-opus-5"), AnthropicModel)
    assert isinstance(models.find("qwen3:8b"), OpenAIModel)
    assert isinstance(models.find("demo"), ScriptedModel)
    assert models.find("claude-opus-5") is models.find("claude-haiku-4-5")
    assert models.find("claude-special") is not models.find("qwen3:8b")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("claude-opus-5", ["ANTHROPIC_API_KEY", 'protocol = "anthropic"', 'match = "claude-opus-5"']),
        ("gpt-5", ["OPENAI_API_KEY", 'protocol = "openai"', 'match = "gpt-5"']),
        ("qwen3:8b", ["journeyman.toml", 'protocol = "openai"', 'match = "qwen3:8b"']),
    ],
)
def test_an_unknown_model_says_what_to_configure(model: str, says: list[str]) -> None:
    message = refused(ConfiguredModels([Route("demo", "scripted")]), model)
    assert [part for part in says if part not in message] == []


@pytest.mark.parametrize(
    ("route", "variable"),
    [
        (Route("m", "anthropic"), "ANTHROPIC_API_KEY"),
        (Route("m", "openai"), "OPENAI_API_KEY"),
        (Route("m", "openai", "http://127.0.0.1:1", api_key_env="MY_KEY"), "MY_KEY"),
    ],
)
def test_a_route_without_its_key_names_the_variable(route: Route, variable: str) -> None:
    assert variable in refused(ConfiguredModels([route]), "m")


def test_a_key_of_our_own_is_never_sent_upstream() -> None:
    models = ConfiguredModels([Route("m", "anthropic", None, "ours")], own_keys=lambda key: key == "ours")
    assert "own keys" in refused(models, "m")


def test_keys_do_not_show_in_the_repr() -> None:
    assert "secret" not in repr(Route("m", "anthropic", None, "secret"))


async def test_the_list_joins_providers_and_configuration(provider: str) -> None:
    models = ConfiguredModels(
        [
            Route("claude-*", "anthropic", provider, "key", ids=("claude-mine",)),
            Route("gpt-*", "openai", f"{provider}/v1", "key"),
            Route("away-*", "openai", f"http://127.0.0.1:{free_port()}", ids=("away-1",)),
            Route("keyless-*", "openai", ids=("keyless-1",)),
            Route("demo", "scripted"),
        ]
    )
    ids = [card.id for card in await models.list()]
    await models.close()
    listed = ["claude-fake-1", "claude-sonnet-4-5", "claude-opus-4-5", "gpt-fake-1"]
    assert ids == [*listed, "claude-mine", "away-1", "keyless-1", "demo"]


async def test_retrieve_gives_the_providers_card_or_one_of_our_own(provider: str) -> None:
    models = ConfiguredModels([Route("claude-*", "anthropic", provider, "key", context_window=7000)])
    known = await models.retrieve("claude-opus-4-5")
    assert known is not None
    assert known.raw["type"] == "model"
    new = await models.retrieve("claude-new")
    assert new is not None
    assert (new.id, new.max_input_tokens, new.raw) == ("claude-new", 7000, {})
    assert await models.retrieve("gpt-5") is None
    await models.close()


async def test_windows_are_configured_listed_or_assumed() -> None:
    body = b'{"data":[{"id":"claude-big","type":"model","max_input_tokens":1000000,"max_tokens":20000}]}'
    async with serving(body, headers="content-type: application/json\r\n") as server:
        models = ConfiguredModels(
            [Route("own", "scripted", context_window=9, max_output=8), Route("claude-*", "anthropic", server.url, "k")]
        )
        assert (models.context_window("claude-big"), models.max_output("claude-big")) == (200_000, 32_000)
        await models.list()
        assert (models.context_window("claude-big"), models.max_output("claude-big")) == (1_000_000, 20_000)
        assert (models.context_window("own"), models.max_output("own")) == (9, 8)
        assert (models.context_window("other"), models.max_output("other")) == (128_000, 8_192)
        await models.close()


async def test_a_list_is_believed_for_a_while() -> None:
    async with serving(b'{"data":[]}', headers="content-type: application/json\r\n") as server:
        models = ConfiguredModels([Route("claude-*", "anthropic", server.url, "key")])
        for _ in range(3):
            await models.list()
        assert server.requests == 1
        await models.close()


async def test_scripted_options() -> None:
    models = ConfiguredModels([Route("lines", "scripted", options={"script": "lines"}), Route("demo", "scripted")])
    assert (await answer(models.find("lines"), request("SCRIPT: text fine"))).text == "fine"
