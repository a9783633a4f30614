"""Repositories of sessions: which can be named, and where they are put."""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter

from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.resources import BranchCheckout, GitHubRepositoryResource
from journeyman.wire.strict import NonEmpty, Strict, parse

JsonObject = dict[str, Any]

ROOT = "/workspace"
_PART = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,100}")
_BRANCH = re.compile(r"(?![-/])(?!.*(\.\.|@\{|//|/\.|\.lock(/|$)))[^\x00-\x20~^:?*\[\\\x7f]{1,255}(?<![./])")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_RESERVED = ("skills",)
"""Below the root: what the platform itself puts there."""
_SHOWN = ("id", "type", "url", "mount_path", "checkout", "created_at", "updated_at")


class TokenUpdate(Strict):
    """Body of a resource's update."""

    authorization_token: NonEmpty


TOKEN_UPDATE: TypeAdapter[TokenUpdate] = TypeAdapter(TokenUpdate)


def parse_token(body: bytes) -> str:
    """Raises ApiError."""
    token = parse(TOKEN_UPDATE, body).authorization_token
    _check_token("authorization_token", token)
    return token


def check(path: str, resource: GitHubRepositoryResource, hosts: Sequence[str]) -> tuple[str, str]:
    """Origin and path (owner and name) of what a resource names. Raises ApiError.

    `hosts` are those that are permitted: a name, reached by https, or an origin such as http://git.example:3000.
    """
    origins = {host if "://" in host else f"https://{host}" for host in hosts}
    origin, place = _split(f"{path}.url", resource.url)
    if origin not in origins:
        raise invalid(f"{path}.url: must be a repository at {', '.join(sorted(origins))}")
    if resource.authorization_token is not None:
        _check_token(f"{path}.authorization_token", resource.authorization_token)
    checkout = resource.checkout
    if isinstance(checkout, BranchCheckout):
        if not _BRANCH.fullmatch(checkout.name):
            raise invalid(f"{path}.checkout.name: is not the name of a branch")
    elif checkout is not None and not _COMMIT.fullmatch(checkout.sha):
        raise invalid(f"{path}.checkout.sha: must be the hexadecimal name of a commit")
    return origin, place


def resolve(path: str, resource: GitHubRepositoryResource, taken: Iterable[str]) -> str:
    """The directory inside the sandbox; `taken` are those of the session's other repositories. Raises ApiError."""
    wanted = resource.mount_path or f"{ROOT}/{resource.url.rstrip('/').rpartition('/')[2]}"
    place = posixpath.normpath(wanted)
    if "\0" in wanted or ".." in wanted.split("/") or not place.startswith(f"{ROOT}/"):
        raise invalid(f"{path}.mount_path: must be a directory below {ROOT}")
    if len(place.encode()) > 1024 or any(len(name.encode()) > 255 for name in place.split("/")):
        raise invalid(f"{path}.mount_path: is too long")
    others = [*taken, *(f"{ROOT}/{name}" for name in _RESERVED)]
    if any(place == other or place.startswith(f"{other}/") or other.startswith(f"{place}/") for other in others):
        raise invalid(f"{path}.mount_path: overlaps another resource: {place}")
    return place


def shown(resource: Mapping[str, Any]) -> JsonObject:
    """A resource as the wire shows it: never its token."""
    return {key: resource[key] for key in _SHOWN}


def not_removable() -> ApiError:
    return invalid("A repository stays attached for the lifetime of its session.")


def _split(path: str, url: str) -> tuple[str, str]:
    form = f"{path}: must be the https URL of a repository, such as https://github.com/owner/name, without .git"
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{(parts.hostname or '').lower()}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        raise invalid(form) from None
    names = parts.path.removeprefix("/").split("/")
    plain = not (parts.query or parts.fragment or parts.username or parts.password) and len(names) == 2
    if not plain or not all(map(_PART.fullmatch, names)) or names[1].endswith(".git"):
        raise invalid(form)
    return origin, "/".join(names)


def _check_token(path: str, token: str) -> None:
    if not re.fullmatch(r"[!-~]{1,4096}", token):
        raise invalid(f"{path}: must be visible ASCII characters")
