"""Checks of the configuration: data directory, database, models, web search."""

import tempfile
from pathlib import Path

from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import DBAPIError

from journeyman.app.backends import make_models
from journeyman.cli import presence
from journeyman.cli.database import reason
from journeyman.config import Settings
from journeyman.models.port import ModelError
from journeyman.models.registry import Route
from journeyman.sandboxes.port import Check
from journeyman.store import schema
from journeyman.store.keys import PREFIX

_CONNECT_SECONDS = 5


def check_data_dir(settings: Settings) -> Check:
    path = settings.data_dir()
    place = next(each for each in (path, *path.parents) if each.exists())
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        fix = "Choose another with --data-dir, or give yourself the right to write there."
        return Check("data directory", "fail", f"{path} cannot be written: {error.strerror}.", fix)
    server = presence.find(path)
    state = f"a server works on it: {server.url}" if server else "no server works on it"
    return Check("data directory", "ok", f"{path}, {state}")


def check_database(settings: Settings) -> Check:
    """Connects, changes nothing."""
    url = make_url(settings.database_url())
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite":
        if not Path(url.database or "").exists():
            return Check("database", "ok", f"{shown}, made on the first start")
        engine = create_engine(url)
    else:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": _CONNECT_SECONDS}
        )
    try:
        revision = schema.current(engine)
    except DBAPIError as error:
        return Check("database", "fail", f"{shown}: {reason(error)}", "Start it, or correct database.url.")
    finally:
        engine.dispose()
    if not schema.is_known(revision):
        fix = "Install the version that it is of, or restore the backup from before."
        return Check("database", "fail", f"{shown} is of a later version (revision {revision}).", fix)
    pending = "" if revision == schema.HEAD else "; its schema is brought up to date on the next start"
    return Check("database", "ok", f"{shown}, revision {revision}{pending}")


async def check_models(settings: Settings) -> list[Check]:
    """One for each route, and one more when nothing but scripts could answer."""
    models = make_models(settings)
    routes = settings.routes()
    checks: list[Check] = []
    try:
        for route in routes:
            try:
                models.find(route.match)
            except ModelError as error:
                checks.append(_unusable(route, str(error)))
            except ImportError as error:
                checks.append(Check("model", "fail", f"{_shown(route)}: {error}", "Install journeyman[openai]."))
            else:
                checks.append(Check("model", "ok", _shown(route)))
    finally:
        await models.close()
    if all(route.protocol == "scripted" for route in routes):
        fix = "Set ANTHROPIC_API_KEY or OPENAI_API_KEY, or add a [[models]] entry to journeyman.toml."
        checks.append(Check("models", "warn", "Only the scripted model is configured.", fix))
    return checks


def check_search(settings: Settings) -> Check:
    search = settings.search_settings()
    if search is None:
        fix = 'In journeyman.toml: [search], provider = "brave" | "tavily" | "searxng", api_key_env or base_url.'
        return Check("web search", "warn", "Not configured: web_search tells the agent so.", fix)
    if search.provider != "searxng" and not search.api_key:
        return Check(
            "web search", "fail", f"{search.provider} without a key", "Set search.api_key_env or search.api_key."
        )
    if search.provider == "searxng" and not search.base_url:
        return Check("web search", "fail", "searxng without its address", "Set search.base_url.")
    return Check("web search", "ok", search.provider)


def _unusable(route: Route, reason: str) -> Check:
    if route.api_key and route.api_key.startswith(PREFIX):
        place = route.api_key_env or "its [[models]] entry"
        detail = f"{_shown(route)}: {place} holds a key of this server, which is no key of the provider."
        return Check("model", "warn", detail, f"Start the server without it, or put the provider's key into {place}.")
    return Check("model", "fail", f"{_shown(route)}: {reason}")


def _shown(route: Route) -> str:
    where = f" at {route.base_url}" if route.base_url else ""
    return f"{route.match} ({route.protocol}{where})"
