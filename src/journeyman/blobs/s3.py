"""Blobs in any store that speaks S3."""

from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from journeyman.blobs.port import BlobMissing, checked

if TYPE_CHECKING:
    from obstore import ObjectMeta


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Without keys they are found as AWS's own tools find them: variables, files, the machine's role."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    """None: AWS itself."""
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = None


class S3Blobs:
    """Implements `Blobs`: an object for each."""

    def __init__(self, settings: S3Settings) -> None:
        given = {
            "endpoint": settings.endpoint,
            "access_key_id": settings.access_key,
            "secret_access_key": settings.secret_key,
        }
        options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        plain = settings.endpoint is not None and settings.endpoint.startswith("http://")
        self._store = S3Store(
            settings.bucket,
            prefix=settings.prefix or None,
            region=settings.region,
            virtual_hosted_style_request=settings.endpoint is None,
            client_options={"allow_http": plain},
            **options,
        )

    async def put(self, key: str, data: AsyncIterator[bytes]) -> int:
        checked(key)
        source = _Source(data)
        with _answered():
            try:
                await obstore.put_async(self._store, key, source.pieces())
            except Exception:
                if source.failure is not None:
                    raise source.failure from None
                raise
        return source.size

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        size = await self.size(key)
        if size is None:
            raise BlobMissing(key)
        end = size if end is None else min(end, size)
        if start >= end:
            return
        with _answered():
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for piece in found.stream():
                yield bytes(piece)

    async def size(self, key: str) -> int | None:
        checked(key)
        with _answered():
            try:
                return (await obstore.head_async(self._store, key))["size"]
            except FileNotFoundError:
                return None

    async def delete(self, key: str) -> None:
        checked(key)
        with _answered():
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                return

    async def keys(self, prefix: str) -> Sequence[str]:
        found: list[str] = []
        with _answered():
            async for batch in _listed(self._store, checked(prefix)):
                found += [each["path"] for each in batch]
        return sorted(found)

    async def close(self) -> None: ...


def _listed(store: S3Store, prefix: str) -> AsyncIterator[Sequence["ObjectMeta"]]:
    return obstore.list(store, prefix=prefix)  # pyright: ignore[reportUnknownMemberType] - of arrow's types


class _Source:
    """Counts what it gives, and remembers what it failed with."""

    def __init__(self, data: AsyncIterator[bytes]) -> None:
        self._data = data
        self.size = 0
        self.failure: BaseException | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._data:
                self.size += len(piece)
                yield piece
        except BaseException as error:
            self.failure = error
            raise


@contextmanager
def _answered() -> Generator[None]:
    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        reason = str(error).partition("\n")[0]
        raise OSError(f"the blob store does not answer as it should: {reason}") from error
