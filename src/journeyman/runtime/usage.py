"""What a thread or session has used, and what that costs at list price."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from journeyman.runtime.prices import SEARCH_NANO, nano_to_cents, runtime_price


@dataclass(slots=True)
class Usage:
    """Totals: tokens, searches, and the tokens' list price in nano-dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    web_searches: int = 0
    nano: int = 0
    requests: int = 0
    overlap_us: int = 0
    """Of a session: how long its threads have run, all together, beyond the time that it has."""

    def add(self, model_usage: dict[str, Any], private: dict[str, Any]) -> None:
        """Count one model request: its `model_usage` and what stands beside it (1 h cache writes, price)."""
        one_hour = private.get("cache_write_1h", 0)
        self.input_tokens += model_usage["input_tokens"]
        self.output_tokens += model_usage["output_tokens"]
        self.cache_read += model_usage["cache_read_input_tokens"]
        self.cache_write_5m += model_usage["cache_creation_input_tokens"] - one_hour
        self.cache_write_1h += one_hour
        self.nano += private.get("nano") or 0
        self.requests += 1

    def list_cost_nano(self, active_us: int) -> int:
        """Tokens + searches + running time, in nano-dollars."""
        runtime = runtime_price(active_us)
        return self.nano + self.web_searches * SEARCH_NANO + runtime

    def stored(self) -> dict[str, int]:
        """The form kept in the session's row."""
        return asdict(self)


def total(parts: Iterable[Usage]) -> Usage:
    """What several threads have used together."""
    stored = [each.stored() for each in parts]
    return Usage(**{key: sum(each[key] for each in stored) for key in Usage().stored()})


def render_usage(stored: dict[str, int], active_us: int) -> dict[str, Any]:
    """The wire's usage object. `cache_creation` is null until a model has been asked."""
    usage = Usage(**stored)
    creation = {
        "ephemeral_5m_input_tokens": usage.cache_write_5m,
        "ephemeral_1h_input_tokens": usage.cache_write_1h,
    }
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": creation if usage.requests else None,
        "active_seconds": seconds(active_us),
        "list_cost": {"amount": nano_to_cents(usage.list_cost_nano(active_us)), "currency": "USD"},
        "server_tool_use": {"web_search_requests": usage.web_searches, "web_fetch_requests": 0},
    }


def seconds(us: int) -> float:
    """Microseconds as the wire's seconds."""
    return round(us / 1_000_000, 6)
