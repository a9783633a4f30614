"""Who calls, and whether they may: key, then beta gate, then version, in the reference's order."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from journeyman.api.betas import MANAGED_AGENTS, check_agents, check_dreams, check_environments, check_memory
from journeyman.api.services import Called, Services
from journeyman.wire.errors import ApiError, invalid

_KNOWN_FOR = 1.0
"""Seconds for which a key that was looked up is trusted: how long a revoked one may live on."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated request's key and workspace."""

    workspace_id: str
    key_id: str


class KnownKeys:
    """Keys looked up lately."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Caller]] = {}

    async def find(self, services: Services, secret: str) -> Caller | None:
        now = time.monotonic()
        known = self._known.get(secret)
        if known is not None and now - known[0] < _KNOWN_FOR:
            return known[1]
        row = await services.keys.find(secret)
        if row is None:
            self._known.pop(secret, None)
            return None
        caller = Caller(row["workspace_id"], row["id"])
        self._known[secret] = (now, caller)
        return caller


async def _authenticated(request: Request, services: Called) -> Caller:
    headers = request.headers
    secret = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ").strip()
    known: KnownKeys = request.app.state.known_keys
    caller = await known.find(services, secret) if secret else None
    if caller is None:
        raise ApiError("authentication_error", "Authentication failed")
    request.scope["journeyman.workspace"] = caller.workspace_id
    return caller


def _gated(check: Callable[[list[str]], None] | None) -> Callable[..., Awaitable[Caller]]:
    async def gate(request: Request, services: Called) -> Caller:
        caller = await _authenticated(request, services)
        if check is not None:
            check(_betas(request))
        if "anthropic-version" not in request.headers:
            raise invalid("anthropic-version: header is required")
        if request.method in ("GET", "HEAD"):
            services.rates.count("reads", caller.key_id)
        return caller

    return gate


def _betas(request: Request) -> list[str]:
    values = ",".join(request.headers.getlist("anthropic-beta"))
    return [value.strip() for value in values.split(",") if value.strip()]


def uses_legacy_environments(request: Request) -> bool:
    """Whether the caller speaks the environments API's older dialect."""
    return "environments-2025-11-01" in _betas(request)


def lists_files_by_id(request: Request) -> bool:
    """Whether the caller speaks the files API's older dialect, whose pages are told by the ids at their ends."""
    return "files-api-2025-04-14" in _betas(request)


def speaks_early_skills(request: Request) -> bool:
    """Whether the caller speaks the skills API of its first months."""
    return "skills-2025-10-02" in _betas(request)


def needs_managed_agents(request: Request) -> None:
    """Raises 400 without the beta."""
    if MANAGED_AGENTS not in _betas(request):
        raise invalid(f"scope_id: requires the `{MANAGED_AGENTS}` value in the `anthropic-beta` header")


ForAgents = Annotated[Caller, Depends(_gated(check_agents))]
ForDreams = Annotated[Caller, Depends(_gated(check_dreams))]
ForEnvironments = Annotated[Caller, Depends(_gated(check_environments))]
ForMemory = Annotated[Caller, Depends(_gated(check_memory))]
ForAll = Annotated[Caller, Depends(_gated(None))]
