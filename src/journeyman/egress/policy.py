"""Which hosts a sandbox may reach. Pure."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from journeyman.egress.addresses import Address

Mode = Literal["none", "limited", "unrestricted"]


@dataclass(frozen=True, slots=True)
class Policy:
    """`hosts` count in `limited` only: exact names or addresses, and `*.` wildcards for all names below one."""

    mode: Mode
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Allowed:
    """The host may be reached, wherever its address is allowed too."""


@dataclass(frozen=True, slots=True)
class Refused:
    """`reason` names the host and the setting to change; it is for the model and for whoever reads the log."""

    reason: str


def decide(policy: Policy, host: str) -> Allowed | Refused:
    """Whether a sandbox with this policy may reach `host`, a name or an address."""
    if policy.mode == "unrestricted":
        return Allowed()
    if policy.mode == "limited" and any(matches(pattern, host) for pattern in policy.hosts):
        return Allowed()
    if policy.mode == "limited":
        return Refused(
            f"{host} is not one of the hosts that this environment may reach. "
            "To permit it, add it to the environment's config.networking.allowed_hosts."
        )
    return Refused(f"{host} cannot be reached: this environment's config.networking gives it no network.")


def private(host: str) -> Refused:
    """The answer for a host that is, or resolves to, an address that is not public."""
    return Refused(
        f"{host} is at a private, local or reserved address, which sandboxes do not reach. "
        "To permit it, the operator adds it to egress.allow_private in journeyman.toml."
    )


def fold(host: str) -> str:
    """The one spelling of a name: lower case, no trailing dot."""
    return host.lower().removesuffix(".")


def literal(host: str) -> Address | None:
    """The address that `host` spells, if it is none of a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def same_host(one: str, other: str) -> bool:
    """Whether both spell the same name or address."""
    address = literal(one)
    return fold(one) == fold(other) if address is None else address == literal(other)


def matches(pattern: str, host: str) -> bool:
    """Whether a host is the pattern's, or one of its `*.` wildcard, which does not have the apex."""
    if not pattern.startswith("*."):
        return same_host(pattern, host)
    suffix, name = fold(pattern[1:]), fold(host)
    return literal(host) is None and len(name) > len(suffix) and name.endswith(suffix)
