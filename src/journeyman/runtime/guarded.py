"""A model's stream, whose unforeseen failures are errors of the model: they end a turn, and not the brain."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from journeyman.models.port import ModelError, ModelRequest, Models

JsonObject = dict[str, Any]

_log = logging.getLogger("journeyman.models")


async def stream(models: Models, request: ModelRequest) -> AsyncGenerator[JsonObject, None]:
    """The events of one answer. Raises ModelError only."""
    try:
        async with aclosing(models.find(request.model).stream(request)) as events:
            async for event in events:
                yield event
    except ModelError:
        raise
    except Exception as error:
        _log.exception("model %s failed in an unforeseen way", request.model)
        raise ModelError("failed", f"The model failed: {type(error).__name__}: {error}", transient=False) from error
