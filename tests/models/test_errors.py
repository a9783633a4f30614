from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from journeyman.models.errors import body_error, event_error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "3", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert body_error(429, b"{}", headers).retry_after == seconds


def test_retry_after_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    wait = body_error(429, b"{}", {"retry-after": date}).retry_after
    assert wait is not None
    assert 90 < wait <= 100


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"type":"error","error":{"type":"api_error","message":"their words"}}', "their words"),
        (b'{"error":"their words"}', "their words"),
        (b'{"message":"their words"}', "their words"),
        (b"their words", "their words"),
        (b"", "no message"),
        (b"\xff\xfe", "500"),
    ],
)
def test_the_providers_own_words_are_in_the_message(body: bytes, says: str) -> None:
    assert says in body_error(500, body, {}).message


@pytest.mark.parametrize(
    ("error", "kind", "transient"),
    [
        ({"type": "overloaded_error", "message": "x"}, "overloaded", True),
        ({"type": "rate_limit_error", "message": "x"}, "rate_limited", True),
        ({"type": "timeout_error", "message": "x"}, "failed", True),
        ({"type": "something new", "message": "x"}, "failed", True),
        ({"type": "invalid_request_error", "message": "x"}, "failed", False),
        ({"type": "billing_error", "message": "x"}, "billing", False),
        ({"message": "x", "code": "server_error"}, "failed", True),
        ("just text", "failed", True),
    ],
)
def test_errors_inside_a_stream_are_told_apart_by_type(error: object, kind: str, transient: bool) -> None:
    told = event_error(error)
    assert (told.kind, told.transient) == (kind, transient)
