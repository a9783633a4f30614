"""Where the host's package managers get their packages, for those of a sandbox: system-wide settings, no secrets.

Only what says where packages are is taken over. Names and passwords in addresses, tokens and files of the host are not:
a mirror that asks for them refuses the sandbox. apt's sources are taken over by the images that are made from them.
"""

import configparser
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_PIP_FILES = ("etc/xdg/pip/pip.conf", "etc/pip.conf")
_PIP_ADDRESSES = ("index-url", "extra-index-url")
_NPM_FILES = ("usr/etc/npmrc", "etc/npmrc")
_NPM_ADDRESS = re.compile(r"\s*((?:@[\w.~-]+:)?registry)\s*=\s*(\S+)\s*")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_GEM_FILE = "etc/gemrc"
_GEM_SOURCE = re.compile(r"\s*-\s*['\"]?(https?://[^\s'\"]+)['\"]?\s*")


def configuration(host: Path) -> dict[str, str]:
    """Files for a sandbox, by their path from its root; `host` is the root directory whose settings are read."""
    files = {"etc/pip.conf": _pip(host)}
    npm = _npm(host)
    if npm:
        files["opt/npm/etc/npmrc"] = npm
    gem = _gem(host)
    if gem:
        files["etc/gemrc"] = gem
    return files


def without_secrets(address: str) -> str | None:
    """An http or https address without user and password; None for any other."""
    try:
        parts = urlsplit(address.strip())
        named = parts.hostname is not None
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not named:
        return None
    # A query or fragment has no place in an index's address, and could be a token.
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _pip(host: Path) -> str:
    found: dict[str, str] = {}
    for file in _PIP_FILES:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        with suppress(configparser.Error):
            parser.read_string(_text(host / file))
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    lines = ["[global]", "root-user-action = ignore"]
    for key in _PIP_ADDRESSES:
        addresses = [kept for word in found.get(key, "").split() if (kept := without_secrets(word))]
        if addresses:
            lines.append(f"{key} = {' '.join(addresses)}")
    trusted = [word for word in found.get("trusted-host", "").split() if _HOST.fullmatch(word)]
    if trusted:
        lines.append(f"trusted-host = {' '.join(trusted)}")
    return "\n".join(lines) + "\n"


def _npm(host: Path) -> str:
    found: dict[str, str] = {}
    for file in _NPM_FILES:
        for line in _text(host / file).splitlines():
            match = _NPM_ADDRESS.fullmatch(line)
            address = without_secrets(match[2].strip("\"'")) if match else None
            if match and address:
                found[match[1]] = address
    return "".join(f"{key}={address}\n" for key, address in found.items())


def _gem(host: Path) -> str:
    """The list of sources, which is all that we know to read of gem's YAML."""
    matches = [_GEM_SOURCE.fullmatch(line) for line in _text(host / _GEM_FILE).splitlines()]
    sources = [kept for match in matches if match and (kept := without_secrets(match[1]))]
    return "".join([":sources:\n", *(f"- {source}\n" for source in sources)]) if sources else ""


def _text(path: Path) -> str:
    """Empty for what not everybody may read: it may hold secrets, and no sandbox would have seen it."""
    try:
        return path.read_text(errors="replace") if path.stat().st_mode & 0o004 else ""
    except OSError:
        return ""
