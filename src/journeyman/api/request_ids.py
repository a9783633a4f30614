"""A `request-id` on every response, and whose organization and workspace answered."""

from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from journeyman.wire.ids import new_id

_ORGANIZATION = b"org_journeyman"


class RequestIds:
    """Outermost ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["journeyman.request_id"] = new_id("req")

        started = False

        async def stamped(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start":
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


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    return scope["journeyman.request_id"]
