"""What a person at the terminal is told when something fails: one line, never a stack trace."""

import tempfile
import traceback
from pathlib import Path

from pydantic import ValidationError

from journeyman.app import CannotStart
from journeyman.cli.problem import Problem


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
    found = [
        f"{'.'.join(str(part) for part in each['loc'])}: {_reason(each['type'], each['msg'])}"
        for each in error.errors(include_url=False, include_input=False)
    ]
    return f"The configuration (journeyman.toml or JOURNEYMAN_* variables) is wrong: {'; '.join(found)}"


def _reason(kind: str, message: str) -> str:
    return "there is no such setting" if kind == "extra_forbidden" else message[:1].lower() + message[1:]


def _report(error: Exception) -> Path:
    with tempfile.NamedTemporaryFile("w", prefix="journeyman-", suffix=".log", delete=False) as file:
        traceback.print_exception(error, file=file)
    return Path(file.name)
