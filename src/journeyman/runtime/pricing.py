"""What a model request cost, as it stands beside its event."""

import logging
from typing import Any

from journeyman.runtime.draft import ModelUsage
from journeyman.runtime.prices import list_price
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]

_log = logging.getLogger("journeyman.prices")


def priced(model: JsonObject, usage: ModelUsage, unpriced: set[str]) -> JsonObject:
    """`nano`, and `cache_write_1h` where there is any. A model without a price is said once, and kept in `unpriced`."""
    nano = list_price(model["id"], {**usage.wire(), "speed": model.get("speed")}, now_us())
    if nano is None and model["id"] not in unpriced:
        unpriced.add(model["id"])
        _log.warning("no list price is known for model %s; its tokens cost 0", model["id"])
    return {"nano": nano} | ({"cache_write_1h": usage.cache_write_1h} if usage.cache_write_1h else {})
