"""Commands that run what they are sent, let somebody in, or ask a cloud for a machine's secrets."""

import ipaddress
import re
import socket
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import urlsplit

from journeyman.permissions.commands import Command, Pipeline
from journeyman.permissions.running import SHELLS, unwrapped

_DOWNLOADERS = frozenset(["curl", "wget", "aria2c", "fetch"])
_INTERPRETERS = re.compile(r"(python[\d.]*|perl|ruby|node|php)")
_SOCKET = re.compile(r"/dev/(tcp|udp)/")


def _downloads(line: Pipeline) -> bool:
    fetching = [command for command in map(unwrapped, line) if command.name in _DOWNLOADERS]
    return any(not any(map(_is_loopback, _hosts_of(command))) for command in fetching)


def is_metadata_url(url: str) -> bool:
    """An address at which clouds tell machines their secrets."""
    return any(map(_is_metadata, _hosts(url)))


def runs_download(line: Pipeline) -> bool:
    """An unseen program from elsewhere. `line` is unwrapped."""
    for place, command in enumerate(line):
        if command.name in (*SHELLS, "eval", "source", "."):
            if any(_downloads(inner) for word in command.words[1:] for inner in word.inner):
                return True
            if any(_downloads(inner) for each in command.redirects for inner in each.target.inner):
                return True
        if _runs_input(command) and _downloads(line[:place]):
            return True
    return False


def _runs_input(command: Command) -> bool:
    """It takes its program from its standard input."""
    texts = [word.text for word in command.words[1:]]
    if command.name in SHELLS:
        flags = re.compile(r"-[a-z]*s|-|/dev/stdin")
        return all(text.startswith("-") and "c" not in text for text in texts) or any(map(flags.fullmatch, texts))
    if _INTERPRETERS.fullmatch(command.name):
        return all(text in ("-", "-u", "-B", "/dev/stdin") for text in texts) or texts[:1] == ["-"]
    return False


def gives_shell(command: Command) -> bool:
    """A shell for whoever is at the other end of a connection."""
    if command.name in SHELLS:
        return any(_SOCKET.match(each.target.text) for each in command.redirects)
    if command.name in ("nc", "ncat", "netcat"):
        texts = [word.text for word in command.words[1:]]
        runs = (b for a, b in pairwise(texts) if re.fullmatch(r"-\w*[ec]|--(exec|sh-exec)", a))
        return any(text.split()[:1] and text.split()[0].rpartition("/")[2] in SHELLS for text in runs)
    return False


_CLIENTS = _DOWNLOADERS | {"nc", "ncat", "netcat", "telnet", "socat", "http", "https", "xh"}
_METADATA = ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254")
_METADATA_NAMES = ("metadata.google.internal", "metadata.goog", "instance-data.ec2.internal")


def asks_metadata(command: Command) -> bool:
    """It connects to such an address."""
    if any(_SOCKET.match(each.target.text) and _METADATA[0] in each.target.text for each in command.redirects):
        return True
    if command.name in _CLIENTS:
        return any(map(_is_metadata, _hosts_of(command)))
    if _INTERPRETERS.fullmatch(command.name):
        code = " ".join([word.text for word in command.words[1:]] + [command.fed])
        return any(is_metadata_url(url) for url in re.findall(r"https?://[\w.:\[\]-]+", code))
    return False


def _hosts_of(command: Command) -> Iterator[str]:
    for word in command.words[1:]:
        if not word.text.startswith("-"):
            yield from _hosts(word.text)


def _hosts(text: str) -> Iterator[str]:
    """What could be the host in a URL or an address."""
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return
    yield host.rstrip(".")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Also in the older spellings: octal, hexadecimal, fewer parts."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        try:
            return ipaddress.ip_address(socket.inet_aton(host)) if host[:1].isdigit() else None
        except OSError:
            return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _is_metadata(host: str) -> bool:
    return host in _METADATA_NAMES or str(_address(host)) in _METADATA


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)
