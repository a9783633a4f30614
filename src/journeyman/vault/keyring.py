"""Master keys of this installation: a line each, the first of which is used for what is new."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Sequence

from journeyman.vault.cipher import KEY_BYTES, decrypt, encrypt
from journeyman.vault.port import SecretUnreadable, WrappedKey


class BadKey(ValueError):
    """A line that is no master key; the message says what one is."""


class Keyring:
    """A KeyProvider whose keys are at hand."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Raises BadKey."""
        keys = [_key(line) for line in lines]
        if not keys:
            raise BadKey("There is no master key.")
        self._keys = {_name(key): key for key in keys}
        self._newest = _name(keys[0])

    async def wrap(self, data_key: bytes, context: bytes) -> WrappedKey:
        return WrappedKey(self._newest, encrypt(self._keys[self._newest], data_key, context))

    async def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        key = self._keys.get(wrapped.key_id)
        if key is None:
            raise SecretUnreadable(f"The secret is sealed with the master key {wrapped.key_id}, which is not here.")
        return decrypt(key, wrapped.data, context)

    def is_newest(self, key_id: str) -> bool:
        return key_id == self._newest


def new_key() -> str:
    """A line for a keyring: 32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _key(line: str) -> bytes:
    try:
        key = base64.b64decode(line, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadKey("A master key is 32 random bytes in base64, such as `openssl rand -base64 32` prints.")
    return key


def _name(key: bytes) -> str:
    return hashlib.sha256(b"journeyman master key " + key).hexdigest()[:16]
