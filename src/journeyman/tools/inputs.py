"""What a call may carry: pydantic models, their JSON schema for the model, and errors it can act on."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator


class ToolInput(BaseModel):
    """The input of one built-in tool; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _plain_text(cls, value: object) -> object:
        """Refuse what neither a file's UTF-8 nor a program's argument can hold."""
        if isinstance(value, str) and "\0" in value:
            raise ValueError("NUL characters are not allowed")
        if isinstance(value, str) and not value.isascii():
            value.encode()
        return value


def schema(model: type[ToolInput]) -> dict[str, Any]:
    """The JSON schema offered to the model, without pydantic's titles and nulls."""
    generated = model.model_json_schema()
    return {
        "type": "object",
        "properties": {name: _plain(spec) for name, spec in generated["properties"].items()},
        "required": generated.get("required", []),
        "additionalProperties": False,
    }


def _plain(spec: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in spec.items() if key not in {"title", "default", "anyOf"}}
    for option in spec.get("anyOf", []):
        if option.get("type") != "null":
            kept = {**option, **kept}
    return kept


def explain(tool: str, model: type[ToolInput], error: ValidationError) -> str:
    """Say what is wrong with a call's input and what would be right."""
    faults = [_fault(item["type"], ".".join(map(str, item["loc"])), item["msg"]) for item in error.errors()]
    known = ", ".join(f"{name} (required)" if info.is_required() else name for name, info in model.model_fields.items())
    return f"{tool}: invalid input: {'; '.join(faults)}. Parameters of {tool}: {known}."


def _fault(kind: str, name: str, message: str) -> str:
    if kind == "missing":
        return f'"{name}" is required'
    if kind == "extra_forbidden":
        return f'"{name}" is not a parameter'
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    return f'"{name}": {message}' if name else message
