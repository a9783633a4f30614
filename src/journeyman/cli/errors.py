"""What a person at the terminal is told when something fails: one line, never a stack trace."""

import difflib
import tempfile
import traceback
from pathlib import Path

from pydantic import ValidationError

from journeyman.app.refusals import CannotStart
from journeyman.cli.problem import Problem
from journeyman.config import setting_names


def explain(error: Exception) -> str:
    """One line about any error; what nobody foresaw is written to a file that the line names."""
    match error:
        case Problem() | CannotStart():
            return str(error)
        case ValidationError():
            return _wrong_settings(error)
        case OSError() if error.strerror:
            return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        case _:
            lines = f"{type(error).__name__}: {error}".splitlines()
            return f"This should not have happened: {lines[0]} (details in {_report(error)})"


def _wrong_settings(error: ValidationError) -> str:
    found: list[str] = []
    for each in error.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in each["loc"])
        found.append(f"{name}: {_reason(name, each['type'], each['msg'])}")
    return f"The configuration (journeyman.toml or JOURNEYMAN_* variables) is wrong: {'; '.join(found)}"


def _reason(name: str, kind: str, message: str) -> str:
    if kind != "extra_forbidden":
        return message[:1].lower() + message[1:]
    near = difflib.get_close_matches(name, setting_names(), 1)
    return "there is no such setting" + (f"; did you mean {near[0]}?" if near else "")


def _report(error: Exception) -> Path:
    with tempfile.NamedTemporaryFile("w", prefix="journeyman-", suffix=".log", delete=False) as file:
        traceback.print_exception(error, file=file)
    return Path(file.name)
