"""What every built-in tool shares: validate the input, run, turn failures into text, spill what is too long."""

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from journeyman.sandboxes.port import SandboxError, StaleRun
from journeyman.tools.inputs import ToolInput, explain, schema
from journeyman.tools.port import ToolCall, ToolContext, ToolResult, text_result
from journeyman.tools.spill import spill

InputT = TypeVar("InputT", bound=ToolInput)


class ToolError(Exception):
    """The call cannot be done as asked; the message is written for the model."""


class BuiltinTool(ABC, Generic[InputT]):
    name: str
    description: str
    inputs: type[InputT]

    def definition(self) -> dict[str, Any]:
        """`{name, description, input_schema}` for the model."""
        return {"name": self.name, "description": self.description, "input_schema": schema(self.inputs)}

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Raises StaleRun only: then the caller no longer owns the session."""
        try:
            given = self.inputs.model_validate(call.input)
        except ValidationError as error:
            return text_result(explain(self.name, self.inputs, error), is_error=True)
        try:
            result = await self.execute(given, context)
        except StaleRun:
            raise
        except (ToolError, SandboxError) as error:
            result = text_result(str(error), is_error=True)
        return await spill(result, call.id, context)

    @abstractmethod
    async def execute(self, given: InputT, context: ToolContext) -> ToolResult:
        """Do one validated call. Raises ToolError or SandboxError with a message for the model."""
