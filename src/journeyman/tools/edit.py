"""edit: replace exact text in a file."""

import re

from pydantic import Field

from journeyman.sandboxes.port import FileData
from journeyman.tools.builtin import BuiltinTool, ToolError
from journeyman.tools.inputs import ToolInput
from journeyman.tools.paths import absolute, failure
from journeyman.tools.port import ToolContext, ToolResult, text_result
from journeyman.tools.text import size

MAX_BYTES = 10_000_000
_NUMBERED = re.compile(r"^\s*\d+\t", re.MULTILINE)


class EditInput(ToolInput):
    file_path: str = Field(description="Absolute, or relative to /workspace.")
    old_string: str = Field(description="The exact text to replace, with its whitespace, without line numbers.")
    new_string: str = Field(description="The text to put in its place.")
    replace_all: bool | None = Field(
        None, description="Replace every occurrence. Without it old_string must occur exactly once."
    )


class Edit(BuiltinTool[EditInput]):
    name = "edit"
    description = (
        "Replace text in a file in the sandbox by exact match. old_string must occur exactly once, so include enough "
        "lines around the change to make it unique, or set replace_all."
    )
    inputs = EditInput

    async def execute(self, given: EditInput, context: ToolContext) -> ToolResult:
        path = absolute(given.file_path)
        done = await context.sandboxes.recorded(context.sandbox, context.run)
        if done is not None:
            return text_result(done)
        try:
            old = await context.sandboxes.read(context.sandbox, path, limit=MAX_BYTES)
            new, count = replaced(_text(old, given.file_path), given)
            note = await context.sandboxes.write(
                context.sandbox,
                path,
                new.encode("utf-8", errors="surrogateescape"),
                run=context.run,
                note=f"edited {given.file_path} ({count} replacement(s))",
                if_sha256=old.sha256,
            )
        except OSError as error:
            raise failure(self.name, given.file_path, error) from error
        return text_result(note)


def _text(file: FileData, path: str) -> str:
    """The content; surrogate escapes carry bytes that are not UTF-8 through the edit unchanged."""
    if file.size > MAX_BYTES:
        raise ToolError(f"edit: {path} is {size(file.size)}, more than edit can load; use sed or a script in bash")
    return file.data.decode("utf-8", errors="surrogateescape")


def replaced(text: str, given: EditInput) -> tuple[str, int]:
    """The new text and the number of replacements. Raises ToolError."""
    if not given.old_string:
        raise ToolError("edit: old_string is empty; give the text to replace, or use write to create the file")
    if given.old_string == given.new_string:
        raise ToolError("edit: old_string and new_string are the same, so there is nothing to change")
    count = text.count(given.old_string)
    if count == 0:
        raise ToolError(f"edit: old_string not found in {given.file_path}{_hint(text, given.old_string)}")
    if count > 1 and not given.replace_all:
        raise ToolError(
            f"edit: old_string appears {count} times in {given.file_path} (must be unique); "
            "add surrounding lines to it, or set replace_all"
        )
    return text.replace(given.old_string, given.new_string), count


def _hint(text: str, old: str) -> str:
    """Why a text that looks right may not match."""
    if old.replace("\r\n", "\n").replace("\n", "\r\n") in text:
        return "; the file's lines end in \\r\\n: write the line breaks of old_string and new_string so"
    if old.replace("\r\n", "\n") in text:
        return "; the file's lines end in \\n, not \\r\\n"
    if (bare := _NUMBERED.sub("", old)) != old and bare in text:
        return "; leave out the line numbers that read puts before each line"
    if old.strip() and old.strip() in text:
        return "; it is there with other whitespace at its ends"
    return "; read the file again and copy the text exactly"
