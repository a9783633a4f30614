"""glob: files by name."""

import posixpath

from pydantic import Field

from journeyman.tools.builtin import BuiltinTool
from journeyman.tools.inputs import ToolInput
from journeyman.tools.paths import absolute
from journeyman.tools.patterns import compiled
from journeyman.tools.port import ToolContext, ToolResult, text_result
from journeyman.tools.ripgrep import SYSTEM, Found, fail, found, ripgrep, shell, under

MAX_LINES = 100
_PRUNED = " -o ".join(f"-path ./{name}" for name in SYSTEM)
_FIND = "find . -type f -print 2>/dev/null"
_FIND_ROOT = rf"find . \( {_PRUNED} \) -prune -o -type f -print 2>/dev/null"


class GlobInput(ToolInput):
    pattern: str = Field(
        min_length=1, description="Such as *.py (at any depth), src/**/*.ts or {a,b}*.md; relative to path."
    )
    path: str | None = Field(None, description="The directory to search; /workspace when left out.")


class Glob(BuiltinTool[GlobInput]):
    name = "glob"
    description = (
        "Find files in the sandbox by a glob pattern. A pattern without a slash matches at any depth; hidden and "
        f"ignored files are included. Returns at most {MAX_LINES} paths in no particular order: narrow the pattern or "
        "the path when there may be more."
    )
    inputs = GlobInput

    async def execute(self, given: GlobInput, context: ToolContext) -> ToolResult:
        directory, pattern = split(given.path, given.pattern)
        options = ["--files", f"--glob={pattern}"]
        result = await ripgrep(options, "./", directory=directory or ".", lines=MAX_LINES, context=context)
        if result.missing:
            result = await _find(directory or ".", pattern, context)
        if result.lines:
            return text_result("\n".join([*(under(directory, line) for line in result.lines), *result.notes]))
        if result.error:
            raise fail("\n".join([result.error, *result.notes]))
        return text_result("\n".join(["No files found", *result.notes]))


def split(path: str | None, pattern: str) -> tuple[str | None, str]:
    """Directory and pattern; the fixed part of an absolute pattern becomes the directory.

    With a path that it does not lie under, a pattern's leading slash means that path.
    """
    root = absolute(path).rstrip("/") if path else ""
    if not pattern.startswith(f"{root}/"):
        return path, pattern
    parts = pattern.split("/")
    fixed = next((i for i, part in enumerate(parts) if set(part) & set("*?[{")), len(parts) - 1)
    return "/".join(parts[:fixed]) or "/", "/" + "/".join(parts[fixed:])


async def _find(directory: str, pattern: str, context: ToolContext) -> Found:
    matcher = compiled(pattern)
    if matcher is None:
        raise fail(f"error parsing glob '{pattern}'")
    script = _FIND_ROOT if posixpath.normpath(absolute(directory)) == "/" else _FIND
    result = found(await shell(script, [], directory=directory, context=context))
    matching = [line for line in result.lines if matcher.fullmatch(line.removeprefix("./"))]
    return result._replace(lines=matching[:MAX_LINES], missing=False)
