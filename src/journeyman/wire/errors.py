"""The error vocabulary of the wire: one exception, the reference's types and statuses."""

from typing import Any

STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "memory_path_conflict_error": 409,
    "memory_precondition_failed_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class ApiError(Exception):
    """An answer in the reference's error envelope.

    `type` is one of STATUS_OF; `status` overrides its usual HTTP status; `code` becomes `details.error_code`.
    """

    def __init__(
        self,
        type: str,  # noqa: A002 - the wire's own name
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.type = type
        self.message = message
        self.status = status if status is not None else STATUS_OF[type]
        self.code = code
        self.headers = headers or {}

    def envelope(self, request_id: str) -> dict[str, Any]:
        """The response body."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.code is not None:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error, "request_id": request_id}


def invalid(message: str, *, code: str | None = None) -> ApiError:
    """A 400 `invalid_request_error`; the message names the field."""
    return ApiError("invalid_request_error", message, code=code)


def not_found(message: str) -> ApiError:
    """A 404 `not_found_error`."""
    return ApiError("not_found_error", message)
