"""Logs: a line for an event, JSON or for people, with the ids of what it belongs to."""

import logging
import sys
from contextvars import ContextVar
from typing import Any, Literal

import orjson

Format = Literal["auto", "json", "console"]
Level = Literal["debug", "info", "warning", "error"]

_NONE: dict[str, str] = {}
_IDS: ContextVar[dict[str, str]] = ContextVar("journeyman_ids", default=_NONE)


def bind(**ids: str) -> None:
    """From now on each line of this task, and of those it starts, says them."""
    _IDS.set({**_IDS.get(), **ids})


def configure(format_: Format, level: Level) -> None:
    """Every logger of this process, ours and those of libraries, writes to stderr so."""
    for_people = format_ == "console" or (format_ == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines(for_people=for_people))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("journeyman").setLevel(level.upper())


class _Lines(logging.Formatter):
    """structlog's, loaded with the first line: most servers start without one, and it takes a while."""

    def __init__(self, *, for_people: bool) -> None:
        super().__init__()
        self._for_people = for_people
        self._made: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        self._made = self._made or _formatter(for_people=self._for_people)
        return self._made.format(record)


def _formatter(*, for_people: bool) -> logging.Formatter:
    import structlog  # noqa: PLC0415

    own: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if for_people:
        own.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
    else:
        own += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
    before: list[Any] = [
        _with_ids,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=own)


def _with_ids(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    return {**_IDS.get(), **line}


def _json(line: dict[str, Any], default: Any, **_options: Any) -> str:
    return orjson.dumps(line, default=default).decode()
