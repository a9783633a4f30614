"""Rows of a log as the store gives them."""

import itertools
from typing import Any

from journeyman.store.port import Row
from journeyman.wire.times import to_wire

JsonObject = dict[str, Any]


class Log:
    """Makes rows in order."""

    def __init__(self) -> None:
        self._places = itertools.count(1)

    def row(self, type_: str, *, private: JsonObject | None = None, row_id: str | None = None, **fields: Any) -> Row:
        seq = next(self._places)
        event_id = row_id or f"sevt_{seq}"
        body = {"id": event_id, "type": type_, **fields, "processed_at": to_wire(seq)}
        return Row(seq, event_id, type_, "sthr_1", True, seq, body, private)

    def message(self, text: str) -> Row:
        return self.row("user.message", content=[{"type": "text", "text": text}])

    def answer(self, *blocks: JsonObject, stop: str = "end_turn", **usage: int) -> Row:
        """The end of a request, with its answer."""
        tokens = {"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
        private = {"content": list(blocks), "outcome": {"stop_reason": stop}}
        return self.row("span.model_request_end", private=private, model_usage=tokens | usage, is_error=False)


def text(value: str) -> JsonObject:
    return {"type": "text", "text": value}
