"""What lets a sandbox reach the package registries from this machine."""

import contextlib
import socket
import subprocess

from journeyman.egress.addresses import is_public
from journeyman.egress.policy import literal
from journeyman.sandboxes.local import registries


def private_registries() -> list[str]:
    """The addresses of the registries that are not public, as `egress.allow_private` takes them."""
    printed = subprocess.run(["bash", "-c", registries.script()], capture_output=True, text=True, check=False).stdout
    return sorted({address for host in registries.hosts(printed) for address in private_addresses(host)})


def private_addresses(host: str) -> list[str]:
    """Those of a host whose mirror is at an address that is not public."""
    with contextlib.suppress(socket.gaierror):
        found = {str(place[0]) for *_, place in socket.getaddrinfo(host, 443)}
        return [each for each in found if (address := literal(each)) and not is_public(address)]
    return []
