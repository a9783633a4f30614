"""What an upstream answers when it cannot answer, told as ModelError."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from journeyman.models.json_object import decode, is_object
from journeyman.models.port import ErrorKind, JsonObject, ModelError
from journeyman.wire.errors import STATUS_OF

_TRANSIENT = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
_OVERLOADED = frozenset({"overloaded_error", "engine_overloaded"})
_RATE_LIMITED = frozenset({"rate_limit_error", "rate_limit_exceeded"})
_BILLING = frozenset({"billing_error", "insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


def upstream_error(
    status: int, message: str, *, codes: frozenset[str] = frozenset(), retry_after: float | None = None
) -> ModelError:
    """The error for an HTTP status and the provider's own message; `codes` are its machine-readable names for it."""
    kind = _kind(status, message, codes)
    transient = status in _TRANSIENT and kind != "billing"
    text = f"The model provider answered {status}: {message}"
    if status == 401:
        text += " Check the API key configured for this model."
    return ModelError(kind, text, transient=transient, retry_after=retry_after, status=status)


def body_error(status: int, body: bytes, headers: Mapping[str, str]) -> ModelError:
    """The error for a response with an error status, in either provider's envelope, or any text."""
    error = _error_object(body)
    text = body.decode("utf-8", "replace").strip()
    message = _text(error.get("message")) or text[:500] or "(no message)"
    return upstream_error(status, message, codes=_codes(error), retry_after=_retry_after(headers))


def event_error(error: object) -> ModelError:
    """The error for one that arrived inside a stream, after the 200. `error` is the provider's error object."""
    fields: JsonObject = error if is_object(error) else {"message": error}
    codes = _codes(fields)
    status = next((STATUS_OF[code] for code in codes if code in STATUS_OF), 500)
    return upstream_error(status, _text(fields.get("message")) or "(no message)", codes=codes)


def connection_error(problem: object) -> ModelError:
    """The provider could not be reached, or hung up. Transient."""
    detail = str(problem) or type(problem).__name__
    return ModelError("failed", f"The connection to the model provider failed: {detail}", transient=True)


def broken_stream(detail: str) -> ModelError:
    """The answer stopped before its end. Transient."""
    return ModelError("failed", f"The model provider's answer was broken off: {detail}", transient=True)


def misconfigured(message: str) -> ModelError:
    """A permanent error that only a change of the configuration cures."""
    return ModelError("failed", message, transient=False)


def _kind(status: int, message: str, codes: frozenset[str]) -> ErrorKind:
    # Anthropic reports an empty account as a 400 that only its text tells apart.
    if status == 402 or codes & _BILLING or "credit balance" in message.lower():
        return "billing"
    if status == 429 or codes & _RATE_LIMITED:
        return "rate_limited"
    if status == 529 or codes & _OVERLOADED:
        return "overloaded"
    return "failed"


def _error_object(body: bytes) -> JsonObject:
    answer = decode(body) or {}
    found = answer.get("error", answer)
    return found if is_object(found) else {"message": found}


def _codes(error: JsonObject) -> frozenset[str]:
    return frozenset(value for key in ("type", "code") if isinstance(value := error.get(key), str))


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    milliseconds, value = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds is not None:
            return max(0.0, float(milliseconds) / 1000)
        return None if value is None else max(0.0, float(value))
    except ValueError:
        return _seconds_until(value)


def _seconds_until(date: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())
