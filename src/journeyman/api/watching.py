"""What is told of requests, and the metrics that are read."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request, Response

from journeyman.telemetry.port import Nobody, Observer


@dataclass(frozen=True, slots=True)
class ReadMetrics:
    """`GET /metrics`: with a token only for those who bear it."""

    render: Callable[[], bytes]
    content_type: str
    token: str | None = None

    async def answer(self, request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.token is not None and not hmac.compare_digest(given.encode(), self.token.encode()):
            return Response(b"the token of [metrics] is needed\n", 401, media_type="text/plain")
        return Response(self.render(), media_type=self.content_type)


@dataclass(frozen=True, slots=True)
class Watching:
    observer: Observer = field(default_factory=Nobody)
    metrics: ReadMetrics | None = None
    log_requests: bool = False
