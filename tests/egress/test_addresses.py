"""The address policy: only the public internet, and what the operator allowed."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.egress.addresses import AddressPolicy, is_own, is_public

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.32.0.1",
    "198.20.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
]

v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6)


@pytest.mark.parametrize("address", PRIVATE)
def test_special_addresses_are_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not AddressPolicy().allows("example.com", address)


@pytest.mark.parametrize("address", PUBLIC)
def test_ordinary_addresses_are_allowed(address: str) -> None:
    assert AddressPolicy().allows("example.com", address)


@given(v4 | v6)
def test_never_wider_than_the_registry(address: IPv4Address | IPv6Address) -> None:
    """What the standard library's copy of the special-purpose registry calls not global is never public here."""
    if not address.is_global or address.is_multicast:
        assert not is_public(address)


@given(v4)
def test_no_ipv6_form_smuggles_an_ipv4_address(inner: IPv4Address) -> None:
    packed = int(inner)
    forms = [(0xFFFF << 32) + packed, packed, (0x64FF9B << 96) + packed, (0x2002 << 112) + (packed << 80)]
    assert not any(is_public(IPv6Address(form)) for form in forms)


@given(v4 | v6)
def test_an_operators_network_is_allowed_and_nothing_beside_it(address: IPv4Address | IPv6Address) -> None:
    policy = AddressPolicy.parse([str(address)])
    assert policy.allows("intranet.example", str(address), own=True)
    other = type(address)(int(address) ^ 1)
    assert policy.allows("intranet.example", str(other)) == is_public(other)


def test_an_operators_host_is_allowed_at_any_address() -> None:
    policy = AddressPolicy.parse(["Wiki.Corp", "10.1.0.0/16", "[::1]"])
    assert policy.allows("wiki.corp.", "192.168.0.4")
    assert policy.allows("other.corp", "10.1.2.3")
    assert policy.allows("other.corp", "::1")
    assert not policy.allows("other.corp", "10.2.2.3")
    assert not policy.allows("notwiki.corp", "192.168.0.4")


def test_a_public_address_of_this_machine_is_refused() -> None:
    assert not AddressPolicy().allows("example.com", "8.8.8.8", own=True)


def test_what_is_no_address_is_refused() -> None:
    assert not AddressPolicy().allows("example.com", "2130706433")


def test_own_addresses_are_known() -> None:
    assert is_own("127.0.0.1")
    assert not is_own("192.0.2.1")
