"""Envelope encryption: each secret under a key of its own, which a master key wraps. AES-256-GCM for both."""

import base64
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson

from journeyman.vault.port import KeyProvider, SecretUnreadable, WrappedKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "v1"
_NONCE = 12
KEY_BYTES = 32


class Cipher:
    """What is sealed for one place cannot be opened at another: the place is the associated data."""

    def __init__(self, keys: KeyProvider) -> None:
        self._keys = keys

    async def seal(self, secret: bytes, place: Mapping[str, str]) -> str:
        """Text for the database."""
        context = _context(place)
        data_key = secrets.token_bytes(KEY_BYTES)
        wrapped = await self._keys.wrap(data_key, context)
        return ".".join((_VERSION, wrapped.key_id, _text(wrapped.data), _text(encrypt(data_key, secret, context))))

    async def open(self, sealed: str, place: Mapping[str, str]) -> bytes:
        """Raises SecretUnreadable."""
        context = _context(place)
        wrapped, data = _parts(sealed)
        return decrypt(await self._keys.unwrap(wrapped, context), data, context)

    def is_newest(self, sealed: str) -> bool:
        """Whether the newest master key protects it."""
        return self._keys.is_newest(_parts(sealed)[0].key_id)


def encrypt(key: bytes, secret: bytes, context: bytes) -> bytes:
    """A nonce, and what AES-256-GCM makes of the secret."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + _aes(key).encrypt(nonce, secret, context)


def decrypt(key: bytes, data: bytes, context: bytes) -> bytes:
    """Raises SecretUnreadable."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - slow to load, and most servers hold no secret

    try:
        return _aes(key).decrypt(data[:_NONCE], data[_NONCE:], context)
    except (InvalidTag, ValueError):
        raise SecretUnreadable("The secret was changed, or sealed for another place.") from None


def _aes(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key)


def _parts(sealed: str) -> tuple[WrappedKey, bytes]:
    try:
        version, key_id, wrapped, data = sealed.split(".")
        if version != _VERSION:
            raise SecretUnreadable(f"The secret was sealed by a later version ({version}).")
        return WrappedKey(key_id, _bytes(wrapped)), _bytes(data)
    except ValueError:
        raise SecretUnreadable("What should be a sealed secret is none.") from None


def _context(place: Mapping[str, str]) -> bytes:
    return orjson.dumps(dict(place), option=orjson.OPT_SORT_KEYS)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text)
