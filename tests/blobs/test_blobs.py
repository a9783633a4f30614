"""The blob port's conformance suite."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from journeyman.blobs.port import BlobMissing, Blobs
from journeyman.blobs.s3 import S3Blobs, S3Settings

pytestmark = pytest.mark.anyio
LARGE = 12 << 20


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for each in data:
        yield each


async def all_of(blobs: Blobs, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in blobs.get(key, start=start, end=end)])


async def test_what_is_put_is_there(blobs: Blobs) -> None:
    assert await blobs.size("a/b") is None
    assert await blobs.put("a/b", pieces(b"one ", b"", b"two")) == 7
    assert (await all_of(blobs, "a/b"), await blobs.size("a/b")) == (b"one two", 7)
    assert await blobs.put("a/b", pieces(b"three")) == 5
    assert await all_of(blobs, "a/b") == b"three"
    assert await blobs.put("a/empty", pieces()) == 0
    assert (await all_of(blobs, "a/empty"), await blobs.size("a/empty")) == (b"", 0)


async def test_ranges(blobs: Blobs) -> None:
    await blobs.put("r", pieces(b"0123456789"))
    assert await all_of(blobs, "r", 3) == b"3456789"
    assert await all_of(blobs, "r", 3, 5) == b"34"
    assert await all_of(blobs, "r", 8, 100) == b"89"
    assert await all_of(blobs, "r", 10) == b"" == await all_of(blobs, "r", 4, 4)


async def test_large_ones_pass_in_pieces(blobs: Blobs) -> None:
    data = os.urandom(LARGE)
    assert await blobs.put("large", pieces(*(data[at : at + 700_001] for at in range(0, LARGE, 700_001)))) == LARGE
    read = [piece async for piece in blobs.get("large")]
    assert b"".join(read) == data and max(map(len, read)) < LARGE


async def test_a_source_that_fails_changes_nothing(blobs: Blobs) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x" * (6 << 20)
        raise RuntimeError("cut off")

    await blobs.put("kept", pieces(b"as it was"))
    for key in ("kept", "new"):
        with pytest.raises(RuntimeError, match="cut off"):
            await blobs.put(key, failing())
    assert await all_of(blobs, "kept") == b"as it was"
    assert await blobs.size("new") is None and await blobs.keys("new") == []


async def test_deleting_and_listing(blobs: Blobs) -> None:
    for key in ("d/2", "d/1", "d/e/3", "da"):
        await blobs.put(key, pieces(b"x"))
    assert await blobs.keys("d") == ["d/1", "d/2", "d/e/3"]
    await blobs.delete("d/1")
    await blobs.delete("d/1")
    await blobs.delete("d/e/3")
    assert await blobs.keys("d") == ["d/2"] and await blobs.keys("nothing") == []
    with pytest.raises(BlobMissing):
        await all_of(blobs, "d/1")


async def test_many_at_once(blobs: Blobs) -> None:
    await asyncio.gather(*(blobs.put(f"m/{number % 3}", pieces(bytes([number]) * 1000)) for number in range(12)))
    for number in range(3):
        data = await all_of(blobs, f"m/{number}")
        assert len(data) == 1000 and len(set(data)) == 1
    await asyncio.gather(*(blobs.delete(f"m/{number}") for number in range(3)), blobs.put("m/9", pieces(b"x")))
    assert await blobs.keys("m") == ["m/9"]


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a/../b", "a/", ".hidden", "a b", "a\0", "x" * 600])
async def test_what_is_no_key(blobs: Blobs, key: str) -> None:
    for attempt in (blobs.put(key, pieces(b"x")), blobs.size(key), blobs.delete(key), blobs.keys(key)):
        with pytest.raises(ValueError, match="no key"):
            await attempt
    with pytest.raises(ValueError, match="no key"):
        await all_of(blobs, key)


async def test_a_store_that_does_not_answer(s3: str) -> None:
    wrong = S3Blobs(S3Settings("no-such-bucket", "", s3, access_key="any", secret_key="any"))
    with pytest.raises(OSError, match="blob store"):
        await wrong.put("a", pieces(b"x"))


async def test_a_blob_that_is_put_twice_is_whole_at_any_time(tmp_path: Path, blobs: Blobs) -> None:
    await blobs.put("w", pieces(b"a" * 100_000))

    async def write() -> None:
        for letter in b"bcdef":
            await blobs.put("w", pieces(bytes([letter]) * 50_000, bytes([letter]) * 50_000))

    async def read() -> None:
        for _ in range(20):
            data = await all_of(blobs, "w")
            assert len(data) == 100_000
            await asyncio.sleep(0)

    await asyncio.gather(write(), read())
