"""A `request-id` on every response, and whose organization and workspace answered."""

import logging
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from journeyman.telemetry.cause import set_cause
from journeyman.telemetry.logs import bind
from journeyman.telemetry.port import Observer
from journeyman.wire.ids import new_id

_log = logging.getLogger("journeyman.requests")
_ORGANIZATION = b"org_journeyman"


class RequestIds:
    """Outermost ASGI middleware."""

    def __init__(self, app: ASGIApp, observer: Observer, *, log: bool = False) -> None:
        """`log`: say each request in the log."""
        self._app = app
        self._observer = observer
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["journeyman.request_id"] = new_id("req")
        bind(request_id=request_id)
        set_cause(_traceparent(scope))
        began = time.perf_counter()
        started = False
        status = 500

        async def stamped(message: Message) -> None:
            nonlocal started, status
            started = True
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", []), (b"request-id", request_id.encode())]
                workspace = scope.get("journeyman.workspace")
                if workspace is not None:
                    headers.append((b"anthropic-organization-id", _ORGANIZATION))
                    headers.append((b"anthropic-workspace-id", workspace.encode()))
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, stamped)
        except Exception:
            # Answered and logged already; raised further, the server would cut the connection under the next request.
            if not started:
                raise
        finally:
            self._told(scope, status, time.perf_counter() - began)

    def _told(self, scope: Scope, status: int, seconds: float) -> None:
        route: str = getattr(scope.get("route"), "path", "none")
        self._observer.request(scope["method"], route, status, seconds)
        if self._log:
            fields = {"method": scope["method"], "path": scope["path"], "status": status, "seconds": round(seconds, 4)}
            _log.info("request", extra=fields | {"workspace_id": scope.get("journeyman.workspace")})


def _traceparent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return value.decode("latin-1")
    return None


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    return scope["journeyman.request_id"]
