"""Skills an agent may read."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from journeyman.wire.strict import NonEmpty, Strict


class AnthropicSkillParams(Strict):
    """A prebuilt skill."""

    type: Literal["anthropic"]
    skill_id: NonEmpty
    version: NonEmpty | None = None


class CustomSkillParams(Strict):
    """An uploaded skill."""

    type: Literal["custom"]
    skill_id: NonEmpty
    version: NonEmpty | None = None


SkillParams: TypeAlias = Annotated[AnthropicSkillParams | CustomSkillParams, Field(discriminator="type")]
Skills: TypeAlias = Annotated[list[SkillParams], Field(max_length=500)]
