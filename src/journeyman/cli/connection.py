"""A client of a Journeyman server: the one that works on the data directory, or one of our own."""

import contextlib
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from anthropic import APIConnectionError, APIError, APIStatusError, AsyncAnthropic, DefaultAsyncHttpxClient

from journeyman.app.data_dir import first_key
from journeyman.cli import presence
from journeyman.cli.problem import Problem
from journeyman.cli.sandboxes import stop_all
from journeyman.cli.server import listen, serving
from journeyman.config import Settings
from journeyman.sandboxes.port import SandboxError


@dataclass(frozen=True, slots=True)
class Connection:
    url: str
    client: AsyncAnthropic
    models: list[str]
    """What the server offers."""


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncGenerator[Connection]:
    """Raises Problem."""
    found = presence.find(settings.data_dir())
    if found is not None:
        async with _client(found.url, settings) as client:
            models = await _models(client)
            if models is not None:
                yield Connection(found.url, client, models)
                return
    async with served(settings) as connection:
        yield connection


@contextlib.asynccontextmanager
async def served(settings: Settings) -> AsyncGenerator[Connection]:
    """A server of our own, on a free port of this machine, for as long as this is entered."""
    # What goes wrong is an event of the session, which the terminal shows.
    logging.getLogger("journeyman").setLevel(logging.CRITICAL)
    try:
        async with serving(settings, listen("127.0.0.1", 0)) as server, _client(server.url, settings) as client:
            yield Connection(server.url, client, await _models(client) or [])
    finally:
        # They outlive a server; with none left to look after them they end, and keep their files.
        with contextlib.suppress(SandboxError):
            await stop_all(settings)


@contextlib.asynccontextmanager
async def _client(url: str, settings: Settings) -> AsyncGenerator[AsyncAnthropic]:
    # Proxies of the surroundings are for the world outside; this server is on this machine.
    direct = DefaultAsyncHttpxClient(trust_env=False)
    async with AsyncAnthropic(base_url=url, api_key=_key(settings), http_client=direct) as client:
        try:
            yield client
        except APIStatusError as error:
            raise Problem(f"The server at {url} refused: {error.message}") from error
        except APIError as error:
            raise Problem(f"The server at {url} does not answer: {error.message}") from error


def _key(settings: Settings) -> str:
    if settings.server.api_keys:
        return settings.server.api_keys[0]
    return first_key(settings).read_text().strip()


async def _models(client: AsyncAnthropic) -> list[str] | None:
    """The models on offer; None when nobody answers."""
    try:
        return [model.id async for model in client.models.list()]
    except APIConnectionError:
        return None
