"""Shared by the tests of the wire."""

import json
from collections.abc import Callable

import pytest

from journeyman.wire.errors import ApiError

Refused = Callable[[Callable[[bytes], object], object], str]


@pytest.fixture
def refused() -> Refused:
    """Gives the message with which `call` refuses a body; the test fails when it does not."""

    def refuse(call: Callable[[bytes], object], body: object) -> str:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        with pytest.raises(ApiError) as caught:
            call(data)
        assert (caught.value.status, caught.value.type) == (400, "invalid_request_error")
        return caught.value.message

    return refuse
