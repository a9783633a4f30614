"""A ModelRequest as the body and headers of the Anthropic Messages API."""

import re

from journeyman.models.port import JsonObject, ModelRequest

_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d+)(?:[-.](\d{1,2}))?(?!\d)")
_FAST_MODE = "fast-mode-2026-02-01"


def messages_body(request: ModelRequest) -> JsonObject:
    """The body of `POST /v1/messages`, streaming."""
    body: JsonObject = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": request.messages,
        "stream": True,
    }
    if request.system:
        body["system"] = request.system
    if request.tools:
        body["tools"] = request.tools
    if request.effort is not None and _takes_effort(request.model):
        body["output_config"] = {"effort": request.effort}
        if _thinks_on_request(request.model):
            body["thinking"] = {"type": "adaptive"}
    if request.speed != "standard":
        body["speed"] = request.speed
    return body


def beta_features(request: ModelRequest) -> list[str]:
    """What the request needs in the `anthropic-beta` header."""
    return [_FAST_MODE] if request.speed != "standard" else []


def _version(model: str) -> tuple[int, int] | None:
    found = _VERSION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else None


def _takes_effort(model: str) -> bool:
    """Models before 4.6 answer 400 to an effort, save Opus 4.5."""
    version = _version(model)
    return version is None or version >= (4, 6) or (version == (4, 5) and "opus" in model)


def _thinks_on_request(model: str) -> bool:
    """4.6 to 4.8 think only when asked to; later ones decide for themselves when nothing is sent.

    Adaptive thinking brings interleaved thinking with it: no beta header is needed.
    """
    version = _version(model)
    return version is not None and (4, 6) <= version < (5, 0)
