"""The HTTP application: routes, gates and envelopes around the services."""

from fastapi import FastAPI, Response
from starlette.types import ASGIApp

from journeyman.api import (
    agents,
    dreams,
    environments,
    events,
    files,
    memory_stores,
    models,
    resources,
    sessions,
    skills,
    threads,
    vaults,
)
from journeyman.api.answers import handle_errors
from journeyman.api.auth import KnownKeys
from journeyman.api.request_ids import RequestIds
from journeyman.api.services import Services
from journeyman.api.watching import Watching


def create_app(services: Services, watching: Watching) -> ASGIApp:
    """The ASGI application."""
    app = FastAPI(title="Journeyman", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.services = services
    app.state.known_keys = KnownKeys()
    for module in (
        agents,
        dreams,
        environments,
        files,
        memory_stores,
        skills,
        events,
        threads,
        resources,
        sessions,
        vaults,
        models,
    ):
        app.include_router(module.router)
    app.add_api_route("/health", _health, methods=["GET"])
    if watching.metrics is not None:
        app.add_api_route("/metrics", watching.metrics.answer, methods=["GET"])
    handle_errors(app)
    return RequestIds(app, watching.observer, log=watching.log_requests)


async def _health() -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")
