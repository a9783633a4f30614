"""From the packages of an environment to what installs them, and the key under which the result is kept."""

import hashlib
import json
import shlex
from collections.abc import Callable
from typing import NamedTuple

from journeyman.sandboxes.local import package_names
from journeyman.sandboxes.port import MANAGERS, EnvironmentFailed

Packages = tuple[tuple[str, tuple[str, ...]], ...]
"""As in `Spec.packages`."""

_RECIPE = 1
"""Raised when the same packages are installed in another way, so that kept environments are made anew."""


class Step(NamedTuple):
    """What one package manager has to do."""

    manager: str
    program: str
    """What the base must have on its PATH."""
    packages: tuple[str, ...]
    script: str
    """For a bash of its own, as the sandbox's root user."""


def canonical(packages: Packages) -> Packages:
    """By manager in the order of MANAGERS, each name once, sorted. Raises EnvironmentFailed for what is no name."""
    wanted: dict[str, set[str]] = {}
    for manager, names in packages:
        if manager not in MANAGERS:
            raise EnvironmentFailed(f"There is no package manager {manager!r}: use one of {', '.join(MANAGERS)}.")
        for name in names:
            package_names.check(manager, name)
        wanted.setdefault(manager, set()).update(names)
    return tuple((manager, tuple(sorted(wanted[manager]))) for manager in MANAGERS if wanted.get(manager))


def environment_key(packages: Packages, base: str) -> str:
    """sha256 in hex over what is installed and the base's identity (an image's digest). Raises EnvironmentFailed."""
    content = json.dumps([_RECIPE, base, canonical(packages)], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def steps(packages: Packages) -> list[Step]:
    """One for each manager, in order. Raises EnvironmentFailed."""
    return [_step(manager, names) for manager, names in canonical(packages)]


def _step(manager: str, names: tuple[str, ...]) -> Step:
    program, write = _WRITERS[manager]
    return Step(manager, program, names, write([shlex.quote(name) for name in names]))


def presence_script(wanted: list[Step]) -> str:
    """Prints the managers among the steps that the base lacks, one a line, and apt-get if it is there."""
    asked = [f"command -v {step.program} >/dev/null || echo {step.manager}" for step in wanted]
    return "\n".join([*asked, "command -v apt-get >/dev/null && echo apt-get || :"])


def supply(managers: list[str]) -> Step:
    """What installs managers that a Debian base lacks."""
    return _step("apt", tuple(package for manager in managers for package in _DEBIAN[manager]))


def lacking(managers: list[str], base: str) -> EnvironmentFailed:
    """What to say when the base lacks managers."""
    known = [manager for manager in MANAGERS if manager in managers]
    image = "debian-min" if set(known) <= _IN_MINIMAL else "debian"
    how = "" if image == "debian-min" else f" (journeyman images build {image})"
    return EnvironmentFailed(
        f"{' and '.join(known)}: the base {base!r} has no such package manager. "
        f"Use the base {image!r}{how}, which has it."
    )


def base_for(packages: Packages, configured: str) -> str:
    """The host has no package database to install into: with apt packages its place is taken by a small Debian."""
    wants_apt = any(manager == "apt" and names for manager, names in packages)
    return "debian-min" if configured == "host" and wants_apt else configured


_DEBIAN = {
    "apt": (),
    "cargo": ("cargo",),
    "gem": ("ruby", "ruby-dev", "build-essential"),
    "go": ("golang-go",),
    "npm": ("nodejs", "npm"),
    "pip": ("python3", "python3-venv"),
}
"""The packages in which Debian has the managers."""
_IN_MINIMAL = {"apt", "pip"}

# `Pattern-Only` keeps apt from taking a name that is not there for a regular expression.
_APT = """apt-get update -q
apt-get install -q -y --no-install-recommends -o APT::Cmd::Pattern-Only=true -o Dpkg::Use-Pty=0 -- {names}
apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/apt/* /var/log/dpkg.log"""
_CARGO = """export CARGO_TARGET_DIR=/tmp/cargo-target
cargo install --root /usr/local {names}
rm -rf "${{CARGO_HOME:-$HOME/.cargo}}/registry" "${{CARGO_HOME:-$HOME/.cargo}}/git" /tmp/cargo-target"""
_GEM = """gem install --no-document {names}
rm -rf "$(gem environment gemdir)/cache" "$HOME/.cache/gem" "$HOME/.local/share/gem/specs\""""
_GO = """export GOBIN=/usr/local/bin GOPATH=/tmp/go GOCACHE=/tmp/go-cache
{installs}
rm -rf /tmp/go /tmp/go-cache"""
_NPM = """export NPM_CONFIG_PREFIX=/opt/npm
npm install --global --no-audit --no-fund --no-update-notifier --cache /tmp/npm-cache -- {names}
rm -rf /tmp/npm-cache"""
_PIP = """[ -x /opt/venv/bin/pip ] || python3 -m venv --system-site-packages /opt/venv
/opt/venv/bin/pip install --no-cache-dir --no-input --progress-bar off --disable-pip-version-check -- {names}"""


def _all(text: str) -> Callable[[list[str]], str]:
    return lambda names: _script(text.format(names=" ".join(names)))


def _go(names: list[str]) -> str:
    # One at a time: a single call takes packages of one module only.
    # A flag and not GOFLAGS, which would take the place of those that the base is configured with.
    installs = "\n".join(f"go install -modcacherw {name if '@' in name else f'{name}@latest'}" for name in names)
    return _script(_GO.format(installs=installs))


def _script(text: str) -> str:
    return f"set -e\nexport DEBIAN_FRONTEND=noninteractive CI=1\n{text}\n"


_WRITERS: dict[str, tuple[str, Callable[[list[str]], str]]] = {
    "apt": ("apt-get", _all(_APT)),
    "cargo": ("cargo", _all(_CARGO)),
    "gem": ("gem", _all(_GEM)),
    "go": ("go", _go),
    "npm": ("npm", _all(_NPM)),
    "pip": ("python3", _all(_PIP)),
}
