"""Which network addresses may be connected to on the model's behalf, by the web tools and by a sandbox."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def is_public(address: Address) -> bool:
    """Whether it is an ordinary unicast address of the internet.

    IPv6 forms that carry an IPv4 address inside (mapped, NAT64, 6to4, Teredo) are never public: what they reach
    depends on the network between.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _special_v4())
    if address not in IPv6Network("2000::/3"):
        return False
    return not any(address in network for network in _special_v6())


def _special_v4() -> tuple[IPv4Network, ...]:
    return tuple(
        map(
            IPv4Network,
            (
                "0.0.0.0/8",
                "10.0.0.0/8",
                "100.64.0.0/10",
                "127.0.0.0/8",
                "168.63.129.16/32",  # a cloud's host agent, on an address that looks public
                "169.254.0.0/16",
                "172.16.0.0/12",
                "192.0.0.0/24",
                "192.0.2.0/24",
                "192.88.99.0/24",
                "192.168.0.0/16",
                "198.18.0.0/15",
                "198.51.100.0/24",
                "203.0.113.0/24",
                "224.0.0.0/4",
                "240.0.0.0/4",
            ),
        )
    )


def _special_v6() -> tuple[IPv6Network, ...]:
    return tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Public addresses, and what an operator allowed besides."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, allow_private: Iterable[str]) -> "AddressPolicy":
        """From host names, addresses and CIDRs."""
        hosts: set[str] = set()
        networks: list[Network] = []
        for entry in allow_private:
            try:
                networks.append(ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                hosts.add(_host(entry))
        return cls(frozenset(hosts), tuple(networks))

    def allows(self, host: str, address: str, *, own: bool = False) -> bool:
        """Whether `host` may be reached at `address`; `own` says that it is an address of this machine."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        if _host(host) in self.hosts or any(parsed in network for network in self.networks):
            return True
        return is_public(parsed) and not own


def _host(name: str) -> str:
    return name.lower().rstrip(".")


def is_own(address: str) -> bool:
    """Whether it is an address of one of this machine's interfaces: the kernel would then send from it to itself."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return False
        return str(probe.getsockname()[0]).partition("%")[0] == address.partition("%")[0]
