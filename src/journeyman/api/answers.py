"""Responses: JSON bodies, lists, and errors in the reference's envelope."""

import logging
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from journeyman.api.request_ids import request_id_of
from journeyman.store.page import Page
from journeyman.wire.errors import ApiError

JsonObject = dict[str, Any]

_log = logging.getLogger("journeyman.api")


def answer(body: Any) -> Response:
    """A 200 with a JSON body."""
    return Response(orjson.dumps(body), media_type="application/json")


def answer_page(page: Page[JsonObject]) -> Response:
    """The list envelope."""
    return answer({"data": page.items, "next_page": page.next_page})


def answer_rendered(bodies: Sequence[str], next_page: str | None) -> Response:
    """The list envelope around bodies that are JSON already."""
    joined = ",".join(bodies)
    return Response(f'{{"data":[{joined}],"next_page":{_quoted(next_page)}}}'.encode(), media_type="application/json")


def handle_errors(app: FastAPI) -> None:
    """Every failure leaves in the envelope, with its request id."""

    async def expected(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return _error(request, error)

    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return _error(request, ApiError("not_found_error", "Not found"))
        return _error(request, ApiError("invalid_request_error", error.detail, status=error.status_code))

    async def unexpected(request: Request, error: Exception) -> Response:
        _log.error("request %s failed", request_id_of(request.scope), exc_info=error)
        return _error(request, ApiError("api_error", "Internal server error"))

    app.add_exception_handler(ApiError, expected)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(Exception, unexpected)


def _error(request: Request, error: ApiError) -> Response:
    body = orjson.dumps(error.envelope(request_id_of(request.scope)))
    return Response(body, error.status, headers=error.headers, media_type="application/json")


def _quoted(text: str | None) -> str:
    return "null" if text is None else orjson.dumps(text).decode()
