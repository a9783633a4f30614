"""Which model id goes to which upstream. The adapters are imported with the first request that needs them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from journeyman.models.errors import misconfigured
from journeyman.models.port import JsonObject, Model, ModelCard, ModelError

Protocol = Literal["anthropic", "openai", "scripted"]

_KEY_VARIABLES: dict[Protocol, str] = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
_LIST_TIMEOUT = 10.0
_CARDS_FOR = 300.0
"""Seconds for which a provider's list is believed."""


@dataclass(frozen=True, slots=True)
class Route:
    """One `[[models]]` entry. `match` is a model id or a pattern with `*` and `?`; case matters.

    `ids` are listed even when the provider does not list them. `api_key_env` only names the variable in messages.
    `options` go to the adapter: connect_timeout and idle_timeout, proxy (anthropic only); script ("demo", "lines" or
    "judge"), ttft and gap (scripted). Times are in seconds, windows in tokens.
    """

    match: str
    protocol: Protocol
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    ids: tuple[str, ...] = ()
    context_window: int | None = None
    max_output: int | None = None
    options: JsonObject = field(default_factory=dict[str, Any])
    api_key_env: str | None = None

    def serves(self, model: str) -> bool:
        """Whether a model id goes this way, when no earlier route takes it."""
        return fnmatchcase(model, self.match) or model in self.ids

    def known_ids(self) -> list[str]:
        """The ids that the entry itself names."""
        literal = not any(sign in self.match for sign in "*?[")
        return list(dict.fromkeys([self.match, *self.ids] if literal else self.ids))


class Upstream:
    """A route, its adapter once something asked for it, and what the provider listed last."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.cards: dict[str, ModelCard] = {}
        self._model: Model | None = None
        self._listed_at: float | None = None

    def model(self) -> Model:
        """The adapter."""
        if self._model is None:
            self._model = _adapter(self.route)
        return self._model

    async def refresh(self) -> None:
        """Ask the provider for its list, unless it told lately; one that fails keeps what it had."""
        if self._listed_at is not None and time.monotonic() - self._listed_at < _CARDS_FOR:
            return
        try:
            async with asyncio.timeout(_LIST_TIMEOUT):
                cards = await self.model().list()
        except (ModelError, TimeoutError):
            return
        self.cards = {card.id: card for card in cards}
        self._listed_at = time.monotonic()

    async def close(self) -> None:
        """Release the adapter's connections."""
        if self._model is not None:
            await self._model.close()
            self._model = None


class ConfiguredModels:
    """The routes in order; the first that matches a model id serves it.

    `own_keys` tells this server's own API keys: one of them must not leave it as a provider's key.
    """

    def __init__(self, routes: Sequence[Route], *, own_keys: Callable[[str], bool] | None = None) -> None:
        self._upstreams = [Upstream(route) for route in routes]
        self._own_keys = own_keys

    def find(self, model: str) -> Model:
        """The upstream for a model id. Raises ModelError (permanent) that says what to configure."""
        upstream = self._upstream(model)
        if upstream is None:
            raise misconfigured(_how_to_configure(model))
        self._check_key(upstream.route, model)
        return upstream.model()

    def context_window(self, model: str) -> int:
        """Input window in tokens: configured, else as the provider last listed it, else a cautious default."""
        upstream = self._upstream(model)
        configured = upstream.route.context_window if upstream else None
        card = upstream.cards.get(model) if upstream else None
        listed = card.max_input_tokens if card else None
        return configured or listed or (200_000 if _is_claude(model) else 128_000)

    def max_output(self, model: str) -> int:
        """The `max_tokens` to ask for."""
        upstream = self._upstream(model)
        if upstream and upstream.route.max_output:
            return upstream.route.max_output
        card = upstream.cards.get(model) if upstream else None
        default = 32_000 if _is_claude(model) else 8_192
        return min(default, card.max_tokens) if card and card.max_tokens else default

    async def list(self) -> list[ModelCard]:
        """What the providers list and would be sent to them, then the ids that only the configuration names."""
        usable = [upstream for upstream in self._upstreams if self._key_problem(upstream.route, "") is None]
        await asyncio.gather(*(upstream.refresh() for upstream in usable))
        cards: dict[str, ModelCard] = {}
        for upstream in usable:
            for card in upstream.cards.values():
                if self._upstream(card.id) is upstream:
                    cards.setdefault(card.id, card)
        for upstream in self._upstreams:
            for model in upstream.route.known_ids():
                cards.setdefault(model, self._own_card(model))
        return list(cards.values())

    async def retrieve(self, model: str) -> ModelCard | None:
        """The provider's card of an id, or one of our own for any id that some route matches, else None."""
        upstream = self._upstream(model)
        if upstream is None:
            return None
        if self._key_problem(upstream.route, model) is None:
            await upstream.refresh()
        return upstream.cards.get(model) or self._own_card(model)

    async def close(self) -> None:
        """Close all upstreams."""
        await asyncio.gather(*(upstream.close() for upstream in self._upstreams))

    def _upstream(self, model: str) -> Upstream | None:
        return next((upstream for upstream in self._upstreams if upstream.route.serves(model)), None)

    def _own_card(self, model: str) -> ModelCard:
        return ModelCard(model, model, max_input_tokens=self.context_window(model), max_tokens=self.max_output(model))

    def _check_key(self, route: Route, model: str) -> None:
        problem = self._key_problem(route, model)
        if problem is not None:
            raise misconfigured(problem)

    def _key_problem(self, route: Route, model: str) -> str | None:
        if route.protocol == "scripted":
            return None
        # A server of one's own often wants no key; the providers' own services always do.
        if not route.api_key and (route.base_url is None or route.api_key_env):
            variable = route.api_key_env or _KEY_VARIABLES[route.protocol]
            return f"There is no API key for model {model!r}: set the environment variable {variable} and restart."
        if route.api_key and self._own_keys is not None and self._own_keys(route.api_key):
            return (
                f"The API key configured for model {model!r} is one of this server's own keys. "
                "Configure the provider's key instead."
            )
        return None


def _adapter(route: Route) -> Model:
    match route.protocol:
        case "anthropic":
            from journeyman.models.anthropic import AnthropicModel  # noqa: PLC0415 - loads aiohttp

            return AnthropicModel(route.base_url, route.api_key, **route.options)
        case "openai":
            from journeyman.models.openai import OpenAIModel  # noqa: PLC0415

            return OpenAIModel(route.base_url, route.api_key, **route.options)
        case "scripted":
            return _scripted(route.options)


def _scripted(options: JsonObject) -> Model:
    from journeyman.models.demo import DEMO_PACE, demo  # noqa: PLC0415
    from journeyman.models.script_judge import scripted_judge  # noqa: PLC0415
    from journeyman.models.script_lines import ScriptLines  # noqa: PLC0415
    from journeyman.models.scripted import ScriptedModel  # noqa: PLC0415

    pace: JsonObject = {name: value for name, value in options.items() if name != "script"}
    if options.get("script", "demo") == "demo":
        return ScriptedModel(demo, **{"gap": DEMO_PACE, **pace})
    if options["script"] == "judge":
        return ScriptedModel(scripted_judge, **pace)
    return ScriptedModel(ScriptLines(), **pace)


def _is_claude(model: str) -> bool:
    return "claude" in model


def _how_to_configure(model: str) -> str:
    entry = (
        f'add to journeyman.toml:\n[[models]]\nmatch = "{model}"\nprotocol = "{{}}"\n'
        'base_url = "https://…"\napi_key_env = "…"\nThen restart the server.'
    )
    if _is_claude(model):
        how = f"Set ANTHROPIC_API_KEY, or {entry.format('anthropic')}"
    elif model.startswith(("gpt-", "o1", "o3", "o4")):
        how = f"Set OPENAI_API_KEY, or {entry.format('openai')}"
    else:
        how = "For its provider or a local server, " + entry.format("openai")
    return f"No model {model!r} is configured. {how}"
