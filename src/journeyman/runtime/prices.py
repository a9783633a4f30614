"""What work costs at list price. Money is integer nano-dollars (10^-9 USD) inside, whole cents as a string outside."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

NANO_PER_CENT = 10_000_000
NANO_PER_DOLLAR = 100 * NANO_PER_CENT

SEARCH_NANO = 10 * NANO_PER_DOLLAR // 1_000
"""One web search: $10 per 1,000."""

RUNTIME_NANO_PER_HOUR = 8 * NANO_PER_CENT
"""A running session: $0.08."""


def list_price(model: str, usage: Mapping[str, Any], at: int) -> int | None:
    """The tokens of one model request in nano-dollars; None for a model without a known price.

    `usage` is the Messages API's usage object, `at` the time of the request in microseconds since the epoch.
    """
    # It compiles its price table on import: not on the start-up path.
    from genai_prices import Usage, calc_price  # noqa: PLC0415

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    context = {"speed": "fast"} if usage.get("speed") == "fast" else None
    try:
        price = calc_price(Usage(**_tokens(usage)), model, genai_request_timestamp=moment, price_context=context)
    except LookupError:
        return None
    return _whole(price.total_price * NANO_PER_DOLLAR)


def runtime_price(active_us: int) -> int:
    """A session that ran so long (µs), in nano-dollars."""
    return active_us * RUNTIME_NANO_PER_HOUR // 3_600_000_000


def nano_to_cents(nano: int) -> str:
    """Whole cents, rounded half up: `15_000_000` is `"2"`."""
    return str(_whole(Decimal(nano) / NANO_PER_CENT))


def _tokens(usage: Mapping[str, Any]) -> dict[str, int]:
    """The price table counts cached tokens among the input, the Messages API beside it."""
    read = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    tokens: dict[str, int] = {
        "input_tokens": (usage.get("input_tokens") or 0) + read + written,
        "output_tokens": usage.get("output_tokens") or 0,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
    }
    by_ttl: Mapping[str, int] = usage.get("cache_creation") or {}
    hour = min(by_ttl.get("ephemeral_1h_input_tokens") or 0, written)
    return tokens | ({"cache_write_1h_tokens": hour} if hour else {})


def _whole(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
