"""The domain lists of the web tools: plain, registrable hostnames."""

import re
from collections.abc import Sequence

from tld import is_tld

from journeyman.wire.errors import invalid

_RESERVED = ("localhost", "local", "internal", "localdomain", "invalid")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_PLAIN = 'provide a plain hostname like "example.com"'


def check_domain_lists(
    path: str, allowed: Sequence[str] | None, blocked: Sequence[str] | None, *, with_path: bool
) -> None:
    """Raise ApiError unless at most one list is set and each domain on it is usable.

    `with_path` permits a path behind the hostname (web_search only).
    """
    if allowed is not None and blocked is not None:
        raise invalid(f"{path}: Only one of allowed_domains or blocked_domains may be set.")
    for field, domains in (("allowed_domains", allowed), ("blocked_domains", blocked)):
        if domains is not None:
            _check_list(f"{path}.{field}", domains, with_path=with_path)


def _check_list(path: str, domains: Sequence[str], *, with_path: bool) -> None:
    if not domains:
        raise invalid(f"{path}: Empty list of domains is ambiguous. Provide at least one domain or null.")
    if len(domains) > 64:
        raise invalid(f"{path}: must have at most 64 domains, got {len(domains)}")
    seen: set[str] = set()
    for position, domain in enumerate(domains):
        problem = domain_problem(domain, with_path=with_path)
        host, slash, rest = domain.removesuffix("/").partition("/")
        key = host.lower() + slash + rest
        if problem is None and key in seen:
            problem = "duplicate domain"
        if problem is not None:
            raise invalid(f"{path}.{position}: {problem}")
        seen.add(key)


def domain_problem(domain: str, *, with_path: bool = False) -> str | None:
    """What is wrong with one entry of a domain list, or None."""
    if not 1 <= len(domain) <= 255:
        return "must be 1 to 255 characters long"
    if "://" in domain:
        return f"URL schemes are not supported; {_PLAIN}"
    if not domain.isascii():
        return "must be ASCII; use the xn-- (Punycode) form of an internationalized domain name"
    host, slash, rest = domain.removesuffix("/").partition("/")
    if slash and not with_path:
        return f"paths are not supported; {_PLAIN}"
    if re.search(r"[\s?#$,|^!]", rest):
        return "the path must not contain spaces, ?, #, or any of $ , | ^ !"
    return _syntax_problem(host) or _name_problem(host.lower())


def _syntax_problem(host: str) -> str | None:
    if re.search(r"\s", host):
        return f"must not contain whitespace; {_PLAIN}"
    if "*" in host:
        return f"wildcards are not supported, and subdomains are covered anyway; {_PLAIN}"
    if _is_address(host):
        return f"IP addresses are not supported; {_PLAIN}"
    if re.search("[@:]", host):
        return f"credentials and ports are not supported; {_PLAIN}"
    if not all(_LABEL.fullmatch(label) for label in host.split(".")):
        return f"not a valid hostname; {_PLAIN}"
    return None


def _is_address(host: str) -> bool:
    """Whether a resolver may read `host` as an IP address: IPv6, or a last label that is a number."""
    name, _, _ = host.partition(":")
    return host.startswith("[") or host.count(":") > 1 or _NUMBER.fullmatch(name.rpartition(".")[2]) is not None


def _name_problem(host: str) -> str | None:
    if host.rpartition(".")[2] in _RESERVED:
        return f"hosts under {host.rpartition('.')[2]} are not supported"
    if "." not in host:
        return 'single-label names are not supported; provide a full domain like "example.com"'
    if is_registry_suffix(host):
        return 'a bare registry suffix is not supported; provide a full domain like "example.co.uk"'
    return None


def is_registry_suffix(host: str) -> bool:
    """Whether names are registered directly under `host`, as under `com` and `co.uk`."""
    return is_tld(host, search_private=False)
