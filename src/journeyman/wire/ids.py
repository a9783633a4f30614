"""Public ids: a prefix, `_01`, and a UUIDv7 in base58. Sortable by creation time, the reference's shape."""

import random
import re
import time

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_WIDTH = 22


def new_id(prefix: str) -> str:
    """A fresh id such as `sesn_01CZkZAtmR3yMPDzynEDxu7…` (prefix + `_01` + 22 base58 characters)."""
    millis, rest = divmod(time.time_ns(), 1_000_000)
    # The 12 bits after the version carry the sub-millisecond part, so that ids made in a row stay in order.
    fraction = rest * 4096 // 1_000_000
    number = (
        (millis & 0xFFFFFFFFFFFF) << 80
        | 0x7 << 76
        | fraction << 64
        | 0b10 << 62
        | random.getrandbits(62)  # unique, not secret: an id opens nothing by itself
    )
    return f"{prefix}_01{_base58(number)}"


def made_at(value: str) -> float:
    """When an id of ours was made, in seconds since the epoch."""
    number = 0
    for letter in value[-_WIDTH:]:
        number = number * 58 + _ALPHABET.index(letter)
    return (number >> 80) / 1000


def is_id(prefix: str, value: str) -> bool:
    """Whether `value` is well formed: the right prefix and the base58 alphabet (other generators' lengths included)."""
    return re.fullmatch(rf"{re.escape(prefix)}_[{_ALPHABET}0]{{20,40}}", value) is not None


def _base58(number: int) -> str:
    pairs: list[str] = []
    for _ in range(_WIDTH // 2):
        number, rest = divmod(number, 58 * 58)
        pairs.append(_PAIRS[rest])
    pairs.reverse()
    return "".join(pairs)
