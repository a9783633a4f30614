"""What sessions have cost, told from their rows."""

from collections.abc import Mapping
from typing import Any

import orjson

from journeyman.runtime.prices import list_price
from journeyman.runtime.usage import Usage
from journeyman.store.port import JsonObject
from journeyman.wire.times import now_us


class ListPrices:
    """For the store, which knows no prices."""

    def consumed(self, row: JsonObject) -> int:
        """In nano-dollars, up to now."""
        return consumed(row)

    def has_price(self, model: str) -> bool:
        return list_price(model, {}, now_us()) is not None


def consumed(row: Mapping[str, Any]) -> int:
    """By a session so far, in nano-dollars."""
    since = row["running_since"]
    ran = max(0, now_us() - since) if since is not None and row["status"] == "running" else 0
    return Usage(**orjson.loads(row["usage"])).list_cost_nano(row["active_us"] + ran)
