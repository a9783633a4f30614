from collections.abc import Awaitable, Callable

import pytest

from journeyman.sandboxes.conformance import CHECKS
from journeyman.sandboxes.port import Sandboxes

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("boxes", ["local", "gvisor", "docker"], indirect=True)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
async def test_conformance(boxes: Sandboxes, check: Callable[[Sandboxes], Awaitable[None]]) -> None:
    await check(boxes)
