"""Who keeps the keys that secrets are sealed with."""

from typing import NamedTuple, Protocol


class SecretUnreadable(Exception):
    """A secret cannot be opened; the message says why, and nothing of the secret."""


class WrappedKey(NamedTuple):
    """A data key as it may lie beside what it seals."""

    key_id: str
    """The master key that wraps it."""
    data: bytes


class KeyProvider(Protocol):
    """Wraps data keys with master keys that never leave it: a file of ours, or a key management service."""

    async def wrap(self, data_key: bytes, context: bytes) -> WrappedKey:
        """Under the newest master key; `context` must be the same when it is unwrapped."""
        ...

    async def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """Raises SecretUnreadable."""
        ...

    def is_newest(self, key_id: str) -> bool:
        """Whether `wrap` would use this master key now."""
        ...
