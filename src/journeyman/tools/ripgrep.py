"""One bounded search in a directory of the sandbox: with ripgrep, or with find and grep where it is missing."""

import posixpath
from typing import NamedTuple

from journeyman.sandboxes.port import ExecResult
from journeyman.tools.builtin import ToolError
from journeyman.tools.paths import WORKSPACE, absolute
from journeyman.tools.port import ToolContext
from journeyman.tools.text import decode

OUTPUT_LIMIT = 1_000_000
_TIMEOUT = 60.0
NO_RIPGREP = 127
"""The script's exit code when ripgrep is missing or does not run."""
_ENTER = 'cd -- "$1" || exit 2; shift; '
_RIPGREP = 'rg --version >/dev/null 2>&1 || exit 127; lines=$1; shift; rg "$@" </dev/null | head -n "$lines"'
SYSTEM = ("proc", "sys", "dev")
"""Directories of / that hold no files worth searching."""


class Found(NamedTuple):
    """Lines as printed, relative to the directory searched, each beginning with `./`."""

    lines: list[str]
    error: str
    missing: bool = False
    """There is no ripgrep in this sandbox."""
    notes: tuple[str, ...] = ()
    """What the sandbox ran into meanwhile, for the model."""


async def ripgrep(options: list[str], target: str, *, directory: str, lines: int, context: ToolContext) -> Found:
    """Run rg on `target` in `directory`, at most `lines` lines of it. Raises SandboxError on timeout."""
    excluded = [f"--glob=!/{name}" for name in SYSTEM] if absolute(directory) == "/" else []
    common = ["--no-config", "--color=never", "--hidden", "--no-ignore", "--no-messages"]
    # The last glob that matches decides, so the excluded ones come after the caller's.
    arguments = [str(lines), *common, *options, *excluded, "--", target]
    result = await shell(_RIPGREP, arguments, directory=directory, context=context)
    return found(result)


async def shell(script: str, arguments: list[str], *, directory: str, context: ToolContext) -> ExecResult:
    """Run a script in `directory`; its arguments are never part of the script's text."""
    argv = ["/bin/sh", "-c", _ENTER + script, "/bin/sh", directory, *arguments]
    return await context.sandboxes.exec(
        context.sandbox, argv, cwd=WORKSPACE, timeout=_TIMEOUT, output_limit=OUTPUT_LIMIT
    )


def found(result: ExecResult) -> Found:
    """Output wins over complaints: what could not be read is no error while something was found."""
    lines = decode(result.stdout).splitlines()
    if result.truncated and lines:
        lines.pop()
    error = decode(result.stderr) if not lines else ""
    notes = tuple(incident.detail for incident in result.incidents)
    return Found(lines, error, result.exit_code == NO_RIPGREP, notes)


def fail(error: str) -> ToolError:
    """A search program's own words; old ripgreps leave out their name."""
    named = error.startswith(("rg: ", "/bin/sh: ", "grep: "))
    return ToolError(error if named else f"rg: {error}")


def under(directory: str | None, line: str) -> str:
    """A printed line with its path as the model would give it: relative to /workspace, or absolute."""
    bare = line.removeprefix("./")
    if bare == line or not directory or posixpath.normpath(directory) == ".":
        return bare
    return posixpath.join(directory, bare)
