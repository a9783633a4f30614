"""The addresses that stand for names."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from journeyman.egress.names import NAMESERVER, Names

RANGE = ip_network("198.18.0.0/15")
hosts = st.from_regex(r"[a-z]{1,3}\.test", fullmatch=True)


@given(st.lists(hosts, max_size=60))
def test_each_name_has_an_address_of_its_own(asked: list[str]) -> None:
    names = Names()
    given = {host: names.address(host) for host in asked}
    assert len(set(given.values())) == len(given)
    for host, address in given.items():
        assert address is not None and address != NAMESERVER and ip_address(address) in RANGE
        assert names.host(address) == host and names.address(host) == address


@given(st.lists(hosts, max_size=60), st.integers(1, 8))
def test_never_more_than_the_limit_and_never_two_names_at_one_address(asked: list[str], limit: int) -> None:
    names = Names(limit)
    for host in asked:
        address = names.address(host)
        assert address is not None and names.host(address) == host
        assert len(names) <= limit


def test_a_name_in_use_keeps_its_address() -> None:
    names = Names(3)
    kept = names.address("kept.test")
    names.hold("kept.test")
    assert kept is not None
    for number in range(100):
        assert names.address(f"host-{number}.test") != kept
    assert names.host(kept) == "kept.test"
    names.release("kept.test")
    for number in range(3):
        names.address(f"more-{number}.test")
    assert names.host(kept) is None


def test_when_all_are_in_use_there_is_none() -> None:
    names = Names(1)
    names.address("a.test")
    names.hold("a.test")
    assert names.address("b.test") is None


def test_another_process_gives_the_same_address() -> None:
    assert Names().address("a.test") == Names().address("a.test")


def test_what_stands_for_nothing() -> None:
    assert Names().host("198.18.4.5") is None
    assert Names().host("::1") is None
    assert Names().host("10.0.0.1") is None
