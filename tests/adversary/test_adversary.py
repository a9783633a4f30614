"""Every attack where the server is run by whoever runs the tests."""

import os

import pytest

from adversary.case import Case, Skip
from adversary.cases import CASES
from adversary.scene import Scene, perform
from journeyman.sandboxes.local.identity import subordinate

pytestmark = pytest.mark.anyio


def who() -> str:
    if os.geteuid() == 0:
        return "root"
    return "user" if subordinate("subuid") else "plain"


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case.name,
            marks=[pytest.mark.xfail(strict=True, reason=case.defect(who()))] if case.defect(who()) else [],
        )
        for case in CASES
        if who() in case.users
    ],
)
async def test_attack(scene: Scene, case: Case) -> None:
    try:
        await perform(scene, case)
    except Skip as reason:
        pytest.skip(str(reason))
