"""Bytes that no file has are removed, and no others."""

from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest

from journeyman.blobs.disk import DiskBlobs
from journeyman.runtime.purge import Purge
from journeyman.wire.ids import new_id

pytestmark = pytest.mark.anyio


async def test_a_sweep_leaves_what_has_a_file_and_what_is_being_uploaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = DiskBlobs(tmp_path)

    async def put() -> str:
        async def content() -> AsyncIterator[bytes]:
            yield b"x"

        key = f"files/{new_id('file')}"
        await blobs.put(key, content())
        return key

    with monkeypatch.context() as two_days_ago:
        two_days_ago.setattr("time.time_ns", lambda: 1_700_000_000_000_000_000)
        kept, orphan = await put(), await put()
    young = await put()

    async def nothing() -> Collection[str]:
        return ()

    async def named(keys: Collection[str]) -> Collection[str]:
        assert set(keys) == {kept, orphan}
        return {kept}

    await Purge(blobs, nothing, {"files": named}).sweep()
    assert set(await blobs.keys("files")) == {kept, young}
