"""The made-up addresses that stand for host names inside one sandbox."""

from collections import OrderedDict
from hashlib import blake2b
from ipaddress import IPv4Address

NAMESERVER = "198.18.0.1"
"""Where a sandbox finds its name server; the first 256 addresses of the range stand for nothing else."""
_FIRST = int(IPv4Address("198.18.1.0"))
_COUNT = int(IPv4Address("198.20.0.0")) - _FIRST
LIMIT = 8192
"""Names a sandbox can have at a time."""


class Names:
    """Host names and their addresses in 198.18.0.0/15, at most `limit` of them.

    Where a name's address lies depends on the name, so that a client that kept one over a restart of the egress
    process meets the same host or none, but for rare collisions.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._addresses: OrderedDict[str, int] = OrderedDict()
        self._hosts: dict[int, str] = {}
        self._open: dict[str, int] = {}

    def address(self, host: str) -> str | None:
        """The address that stands for `host`, which is folded; None when all are taken by open connections."""
        place = self._addresses.get(host)
        if place is None:
            if len(self._addresses) >= self._limit and not self._forget_one():
                return None
            place = self._free_place(host)
            self._addresses[host], self._hosts[place] = place, host
        self._addresses.move_to_end(host)
        return str(IPv4Address(_FIRST + place))

    def host(self, address: str) -> str | None:
        """What `address` stands for."""
        return self._hosts.get(int(IPv4Address(address)) - _FIRST) if ":" not in address else None

    def hold(self, host: str) -> None:
        """A connection to it was opened: its address is not given to another host until `release`."""
        self._open[host] = self._open.get(host, 0) + 1

    def release(self, host: str) -> None:
        left = self._open.pop(host) - 1
        if left:
            self._open[host] = left

    def __len__(self) -> int:
        return len(self._addresses)

    def _free_place(self, host: str) -> int:
        place = int.from_bytes(blake2b(host.encode(), digest_size=8).digest(), "big") % _COUNT
        while place in self._hosts:
            place = (place + 1) % _COUNT
        return place

    def _forget_one(self) -> bool:
        """Forget the name that was longest unused and has no open connection."""
        victim = next((host for host in self._addresses if host not in self._open), None)
        if victim is None:
            return False
        del self._hosts[self._addresses.pop(victim)]
        return True
