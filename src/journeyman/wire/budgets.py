"""Budgets of sessions: a hard ceiling on what one may cost at list price."""

from collections.abc import Mapping
from typing import Any

from journeyman.wire.errors import ApiError, invalid

NANO_PER_CENT = 10_000_000
SETTLING = ("user.tool_confirmation", "user.tool_result", "user.custom_tool_result", "user.interrupt")
"""What a session at its budget still accepts: events that settle work already in progress."""


def cap(budget: Mapping[str, Any] | None) -> int | None:
    """In nano-dollars."""
    return None if budget is None else int(budget["max_list_cost"]["amount"]) * NANO_PER_CENT


def create_only() -> ApiError:
    return invalid("budget: can only be given when a session is created", code="budget_create_only")


def not_raised() -> ApiError:
    """In the reference's words."""
    message = "budget.max_list_cost must be greater than the session's consumed list cost"
    return invalid(message, code="budget_not_raised")


def no_price(model: str) -> ApiError:
    return invalid(f"budget: no list price is available for the model {model}", code="model_not_budgetable")


def reached(place: int, kind: str) -> ApiError:
    return invalid(
        f"events.{place}: {kind} is not accepted while the session is at its budget; it accepts only "
        f"{', '.join(SETTLING)}. Change or remove the budget to go on."
    )
