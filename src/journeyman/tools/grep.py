"""grep: lines that match a regular expression."""

import posixpath

from pydantic import Field

from journeyman.tools.builtin import BuiltinTool
from journeyman.tools.inputs import ToolInput
from journeyman.tools.port import ToolContext, ToolResult, text_result
from journeyman.tools.ripgrep import Found, fail, found, ripgrep, shell, under

DEFAULT_LINES = 500
MAX_COLUMNS = 500
_KIND = 'if [ -d "$1" ]; then echo directory; elif [ -e "$1" ]; then echo file; fi'
_GREP = (
    "flavour=-E; echo a | grep -qP a 2>/dev/null && flavour=-P; lines=$1; shift; "
    'grep -rnIHs "$flavour" "$@" </dev/null | head -n "$lines"'
)


class GrepInput(ToolInput):
    pattern: str = Field(min_length=1, description=r"A regular expression, such as def \w+_id\(.")
    path: str | None = Field(None, description="The directory or file to search; /workspace when left out.")
    glob: str | None = Field(None, description="Only files whose path matches, such as *.py or src/**/*.ts.")
    context: int | None = Field(None, ge=0, le=100, description="Lines to show before and after each match.")
    head_limit: int | None = Field(
        None, ge=1, description=f"At most this many lines of output (default {DEFAULT_LINES})."
    )


class Grep(BuiltinTool[GrepInput]):
    name = "grep"
    description = (
        "Search file contents in the sandbox with a regular expression. Returns matching lines as path:line:text "
        "(context lines as path-line-text). Hidden and ignored files are searched, binary files are not."
    )
    inputs = GrepInput

    async def execute(self, given: GrepInput, context: ToolContext) -> ToolResult:
        directory, target = await _place(given.path, context)
        limit = given.head_limit or DEFAULT_LINES
        result = await _search(given, directory, target, limit + 1, context)
        if not result.lines:
            if result.error:
                raise fail("\n".join([result.error, *result.notes]))
            return text_result("\n".join(["No matches found", *result.notes]))
        lines = [under(directory, line) for line in result.lines[:limit]]
        if len(result.lines) > limit and given.head_limit is None:
            lines.append(f"[Only the first {limit} lines are shown; narrow the search or raise head_limit.]")
        return text_result("\n".join([*lines, *result.notes]))


async def _place(path: str | None, context: ToolContext) -> tuple[str | None, str]:
    """The directory to search in and what to search there. Raises ToolError when there is no such path."""
    if path is None or posixpath.normpath(path) == ".":
        return None, "./"
    kind = (await shell(_KIND, [path], directory=".", context=context)).stdout.strip()
    if not kind:
        raise fail(f"{path}: No such file or directory (os error 2)\n")
    if kind == b"directory":
        return path, "./"
    return posixpath.dirname(path) or None, f"./{posixpath.basename(path)}"


async def _search(given: GrepInput, directory: str | None, target: str, lines: int, context: ToolContext) -> Found:
    around = [f"--context={given.context}"] if given.context else []
    shown = ["--line-number", "--with-filename", "--no-heading", f"--max-columns={MAX_COLUMNS}"]
    chosen = [f"--glob={given.glob}"] if given.glob else []
    asked = ["-e", given.pattern]
    options = [*shown, "--max-columns-preview", *chosen, *around, *asked]
    result = await ripgrep(options, target, directory=directory or ".", lines=lines, context=context)
    if not result.missing:
        return result
    included = [f"--include={posixpath.basename(given.glob)}"] if given.glob else []
    arguments = [str(lines), *included, *around, *asked, "--", target]
    return found(await shell(_GREP, arguments, directory=directory or ".", context=context))
