"""Agents that a model defines as it delegates."""

from typing import Any

from journeyman.runtime.prices import list_price
from journeyman.wire.errors import ApiError
from journeyman.wire.inline_agents import define
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]


def defined(given: JsonObject, author: JsonObject, name: str, *, on_budget: bool) -> JsonObject | str:
    """The agent whole, or what is wrong. `on_budget`: only a model whose price is known will do."""
    try:
        agent = define(given, author, name)
    except ApiError as error:
        return error.message
    model = agent["model"]["id"]
    if on_budget and list_price(model, {}, now_us()) is None:
        return f"no price is known for the model {model}, and the session has a budget."
    return agent
