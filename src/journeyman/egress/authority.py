"""The installation's own certificate authority. Its certificates speak for refusals, and for nothing else."""

import fcntl
import os
import ssl
import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from journeyman.egress.certificates import Leaves

_CONTEXTS = 256
_RENEWAL = 7 * 86_400
"""Seconds after which a kept certificate is minted again, long before it ends."""


def ensure(directory: Path) -> Path:
    """The path of `ca.pem` in the directory, made with its key once; several processes may ask at the same time."""
    certificate = directory / "ca.pem"
    if certificate.exists():
        return certificate
    from journeyman.egress.certificates import make_authority  # noqa: PLC0415

    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(directory / "ca.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not certificate.exists():
            key, text = make_authority()
            _put(directory / "ca.key", key, 0o600)
            _put(certificate, text, 0o644)  # last: where it is, the key is too
    finally:
        os.close(lock)
    return certificate


class Contexts:
    """TLS contexts that speak in the name of a host, the latest kept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._leaves: Leaves | None = None
        self._kept: OrderedDict[tuple[str, int], ssl.SSLContext] = OrderedDict()

    def speak_for(self, host: str) -> ssl.SSLContext:
        """A server's context with a certificate for `host`. Raises ValueError for what is no name or address."""
        key = (host, int(time.monotonic() // _RENEWAL))
        context = self._kept.get(key)
        if context is None:
            context = self._kept[key] = self._make(host)
            if len(self._kept) > _CONTEXTS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return context

    def _make(self, host: str) -> ssl.SSLContext:
        if self._leaves is None:
            from journeyman.egress.certificates import Leaves  # noqa: PLC0415

            self._leaves = Leaves(ensure(self._directory), self._directory / "ca.key")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        context.num_tickets = 0
        # The library takes a certificate from a file only; this one is in memory.
        descriptor = os.memfd_create("leaf")
        try:
            os.write(descriptor, self._leaves.mint(host))
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        return context


def _put(path: Path, data: bytes, mode: int) -> None:
    staged = path.with_suffix(".new")
    staged.unlink(missing_ok=True)
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    staged.rename(path)
