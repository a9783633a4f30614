"""Secrets at rest."""

import base64

import pytest

from journeyman.vault.cipher import Cipher
from journeyman.vault.keyring import BadKey, Keyring, new_key
from journeyman.vault.port import SecretUnreadable

PLACE = {"workspace": "default", "credential": "vcrd_1"}
SECRET = b"planted"


async def test_opens_what_it_sealed() -> None:
    """Twice the same secret is not twice the same text."""
    cipher = Cipher(Keyring([new_key()]))
    first, second = await cipher.seal(SECRET, PLACE), await cipher.seal(SECRET, PLACE)
    assert first != second
    assert await cipher.open(first, dict(reversed(PLACE.items()))) == SECRET
    assert "planted" not in base64.urlsafe_b64decode(first.split(".")[-1]).decode(errors="replace")


@pytest.mark.parametrize("place", [{**PLACE, "credential": "vcrd_2"}, {**PLACE, "workspace": "other"}, {}])
async def test_is_bound_to_its_place(place: dict[str, str]) -> None:
    """A row's secret, copied to another row, opens nothing."""
    cipher = Cipher(Keyring([new_key()]))
    sealed = await cipher.seal(SECRET, PLACE)
    with pytest.raises(SecretUnreadable, match="another place"):
        await cipher.open(sealed, place)


@pytest.mark.parametrize("part", [2, 3])
async def test_a_changed_one_is_not_opened(part: int) -> None:
    cipher = Cipher(Keyring([new_key()]))
    parts = (await cipher.seal(SECRET, PLACE)).split(".")
    data = bytearray(base64.urlsafe_b64decode(parts[part]))
    data[-1] ^= 1
    parts[part] = base64.urlsafe_b64encode(data).decode()
    with pytest.raises(SecretUnreadable):
        await cipher.open(".".join(parts), PLACE)


async def test_rotation_of_master_keys() -> None:
    """The first seals, all open; without the old one its secrets are named as unreadable."""
    old, new = new_key(), new_key()
    sealed = await Cipher(Keyring([old])).seal(SECRET, PLACE)
    both = Cipher(Keyring([new, old]))
    assert await both.open(sealed, PLACE) == SECRET
    assert not both.is_newest(sealed)
    assert both.is_newest(await both.seal(SECRET, PLACE))
    with pytest.raises(SecretUnreadable, match="which is not here"):
        await Cipher(Keyring([new])).open(sealed, PLACE)


@pytest.mark.parametrize("text", ["", "planted", "v2.a.b.c", "v1.a.b.c", "v1.a"])
async def test_what_is_no_sealed_secret(text: str) -> None:
    with pytest.raises(SecretUnreadable):
        await Cipher(Keyring([new_key()])).open(text, PLACE)


@pytest.mark.parametrize("lines", [[], ["short"], ["%%%"], [base64.b64encode(b"x" * 16).decode()]])
def test_what_is_no_master_key(lines: list[str]) -> None:
    with pytest.raises(BadKey):
        Keyring(lines)
