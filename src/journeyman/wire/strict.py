"""Strict parsing of request bodies: nothing unknown is accepted, nothing is coerced."""

from typing import Annotated, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from journeyman.wire.json_value import is_object
from journeyman.wire.parse_error import bad_value, parse_error

T = TypeVar("T")

NonEmpty: TypeAlias = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """Base of every request model. `model_fields_set` tells an omitted field from a null one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def given(self, field: str) -> bool:
        """Whether the client sent `field`, null included."""
        return field in self.model_fields_set


def parse(adapter: TypeAdapter[T], body: bytes, *, what: str = "request") -> T:
    """The model that `body` describes.

    Raises ApiError (400) whose message names the first offending field.
    """
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise parse_error(error, body, what) from None


def refuse(reason: str) -> PydanticCustomError:
    """An error for a validator to raise: `reason` becomes the message behind the field's path."""
    return PydanticCustomError("refused", "{reason}", {"reason": reason})


def shorthand(key: str, *, among: tuple[str, ...] = (), **rest: str) -> BeforeValidator:
    """Accept a bare string where an object is meant: `"x"` is read as `{key: "x", **rest}`.

    `among`: the strings that may stand alone; any when empty.
    """

    def expand(value: object) -> object:
        if isinstance(value, str):
            if among and value not in among:
                raise refuse(bad_value(value, among))
            return {**rest, key: value}
        if not is_object(value):
            raise refuse("expected a string or an object")
        return value

    return BeforeValidator(expand)
