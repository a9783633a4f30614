"""The model an agent runs on: a bare id or an object, always stored as an object."""

from typing import Annotated, Literal, TypeAlias

from journeyman.wire.json_value import Json
from journeyman.wire.strict import NonEmpty, Strict, shorthand

EffortLevel: TypeAlias = Literal["low", "medium", "high", "xhigh", "max"]

DEFAULT_EFFORT: EffortLevel = "high"


class EffortParams(Strict):
    """How hard the model works on each request."""

    type: EffortLevel


class ModelParams(Strict):
    """A model with its settings; null or omitted settings take the model's defaults."""

    id: NonEmpty
    effort: Annotated[EffortParams, shorthand("type")] | None = None
    inference_geo: NonEmpty | None = None
    speed: Literal["standard", "fast"] | None = None


Model: TypeAlias = Annotated[ModelParams, shorthand("id")]


def materialise(model: ModelParams, *, effort: Json | None = None) -> Json:
    """The stored form; `effort` is what applies when the client sent none (null: the model's default)."""
    stored: Json = {
        "id": model.id,
        "speed": model.speed or "standard",
        "effort": {"type": model.effort.type} if model.effort else effort or {"type": DEFAULT_EFFORT},
    }
    if model.inference_geo is not None:
        stored["inference_geo"] = model.inference_geo
    return stored


def replace(current: Json, model: ModelParams) -> Json:
    """The stored form after an update: effort survives when the id stays and no other effort is sent."""
    return materialise(model, effort=current.get("effort") if model.id == current["id"] else None)
