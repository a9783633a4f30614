"""write: a whole file."""

from pydantic import Field

from journeyman.tools.builtin import BuiltinTool
from journeyman.tools.inputs import ToolInput
from journeyman.tools.paths import absolute, failure
from journeyman.tools.port import ToolContext, ToolResult, text_result


class WriteInput(ToolInput):
    file_path: str = Field(description="Absolute, or relative to /workspace.")
    content: str = Field(description="The whole content of the file.")


class Write(BuiltinTool[WriteInput]):
    name = "write"
    description = (
        "Write a file in the sandbox, replacing it if it exists; missing parent directories are made. "
        "To change part of a file use edit."
    )
    inputs = WriteInput

    async def execute(self, given: WriteInput, context: ToolContext) -> ToolResult:
        data = given.content.encode()
        note = f"wrote {len(data)} bytes to {given.file_path}"
        path = absolute(given.file_path)
        try:
            return text_result(await context.sandboxes.write(context.sandbox, path, data, run=context.run, note=note))
        except OSError as error:
            raise failure(self.name, given.file_path, error) from error
