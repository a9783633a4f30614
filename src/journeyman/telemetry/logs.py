"""Logs: a line for an event, JSON or for people, with the ids of what it belongs to."""

import logging
import sys
from typing import Any, Literal

import orjson
import structlog

Format = Literal["auto", "json", "console"]
Level = Literal["debug", "info", "warning", "error"]


def bind(**ids: str) -> None:
    """From now on each line of this task, and of those it starts, says them."""
    structlog.contextvars.bind_contextvars(**ids)


def configure(format_: Format, level: Level) -> None:
    """Every logger of this process, ours and those of libraries, writes to stderr so."""
    for_people = format_ == "console" or (format_ == "auto" and sys.stderr.isatty())
    own: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if for_people:
        own.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
    else:
        own += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=own))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("journeyman").setLevel(level.upper())


def _json(line: dict[str, Any], default: Any, **_options: Any) -> str:
    return orjson.dumps(line, default=default).decode()
