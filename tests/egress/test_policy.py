"""Which hosts a policy lets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.egress.policy import Allowed, Policy, Refused, decide, private

labels = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=2, max_size=5).map(".".join)


def allowed(host: str, *hosts: str) -> bool:
    return isinstance(decide(Policy("limited", hosts), host), Allowed)


@given(names, st.booleans(), st.booleans())
def test_a_listed_name_in_any_spelling(host: str, upper: bool, dot: bool) -> None:
    assert allowed((host.upper() if upper else host) + ("." if dot else ""), host)
    assert allowed(host, host.upper() + ("." if dot else ""))


@given(names, names)
def test_only_listed_names(host: str, other: str) -> None:
    assert allowed(other, host) == (host == other)


@given(names, names)
def test_a_wildcard_is_all_below_and_not_the_name_itself(below: str, host: str) -> None:
    assert allowed(f"{below}.{host}", f"*.{host}")
    assert not allowed(host, f"*.{host}")
    assert not allowed(f"x{host}", f"*.{host}")
    assert not allowed(f".{host}", f"*.{host}")
    assert not allowed(f"{below}.{host}.elsewhere", f"*.{host}")


@pytest.mark.parametrize(
    ("host", "pattern", "expected"),
    [
        ("1.1.1.1", "1.1.1.1", True),
        ("1.1.1.1", "*.1.1.1", False),
        ("1.1.1.2", "1.1.1.1", False),
        ("2606::1", "2606:0::0:1", True),
        ("[2606::1]", "2606::1", True),
        ("::ffff:1.1.1.1", "1.1.1.1", False),
        ("16843009", "1.1.1.1", False),
    ],
)
def test_addresses(host: str, pattern: str, expected: bool) -> None:
    assert allowed(host, pattern) is expected


@given(names)
def test_the_other_modes(host: str) -> None:
    assert isinstance(decide(Policy("unrestricted"), host), Allowed)
    for refused in (decide(Policy("none", (host,)), host), decide(Policy("limited"), host), private(host)):
        assert isinstance(refused, Refused) and host in refused.reason


def test_the_setting_is_named() -> None:
    refused = decide(Policy("limited"), "x.test")
    assert isinstance(refused, Refused) and "config.networking.allowed_hosts" in refused.reason
    assert "egress.allow_private" in private("x.test").reason and "journeyman.toml" in private("x.test").reason
