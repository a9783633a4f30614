"""References to other resources by id."""

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from journeyman.wire.strict import Strict, refuse


def _id(value: str) -> str:
    # Whether such an id exists is for the look-up to say; a database may choke on anything but plain characters.
    if not re.fullmatch(r"[!-~]{1,128}", value):
        raise refuse("not a valid ID")
    return value


Id: TypeAlias = Annotated[str, AfterValidator(_id)]


class AgentReference(Strict):
    """An agent, at one version or at its latest."""

    type: Literal["agent"]
    id: Id
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
