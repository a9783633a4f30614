"""The hosts that a base's package managers are configured to use, as they themselves say.

Each manager has a script that makes it name them, as far as it can reach them: where packages are listed it says at any
time, where their files are often only after it has looked there. The scripts belong into a sandbox of the base, with
its own configuration and nothing of an agent's.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from journeyman.sandboxes.port import MANAGERS

_URL = re.compile(r"""https?://[^\s"'<>|,;()\[\]`]+""")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)*")
_MARK = "journeyman-registry"

# Whether or not its lists have ever been fetched.
_APT = "apt-get update --print-uris"

# Verbose pip names the indexes it searches and every file it finds there.
_PIP = r"""cd "$place"
export PIP_BREAK_SYSTEM_PACKAGES=1
timeout 60 pip install -vv --dry-run --ignore-installed --no-deps --retries 0 --no-input pip 2>&1 |
    grep -E '^ *\* https?://|Found link https?://|Could not fetch URL' | grep -oE 'https?://[^ ]+'"""

_NPM = r"""npm config get registry
npm config list --json 2>/dev/null | grep -E '^ *"@[^"]*:registry"'
cd "$place" && timeout 60 npm view npm dist.tarball --fetch-retries=0"""

# Cargo keeps its index's config.json, which has the address of the files; when it cannot get that, its complaint names
# the index.
_CARGO = r"""cd "$place" && mkdir src && : >src/lib.rs
printf '[package]\nname = "a"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\ncfg-if = "1"\n' >Cargo.toml
CARGO_NET_RETRY=0 timeout 60 cargo fetch 2>&1 | grep -oE 'https?://[^ `)]+'
cat "${CARGO_HOME:-$HOME/.cargo}"/registry/index/*/config.json 2>/dev/null"""

_GO = r"""go env GOPROXY | tr ',|' '\n\n'
go env GOSUMDB | tr ' ' '\n' | sed 's/+.*//'"""

# Gem asks another host than it is configured with for its index, and says so when it is talkative.
_GEM = r"""gem sources --list
cd "$place" && timeout 60 gem fetch rake --verbose 2>&1 | grep -oE 'https?://[^ )]+'"""

_SCRIPTS = {"apt": _APT, "cargo": _CARGO, "gem": _GEM, "go": _GO, "npm": _NPM, "pip": _PIP}
_PROGRAMS = {"apt": "apt-get", "pip": "pip"}


def script() -> str:
    """For a bash in a sandbox of the base: asks every manager that is there; minutes where nothing answers."""
    return "\n".join([*map(_ask, MANAGERS), "true"])


def hosts(printed: str) -> tuple[str, ...]:
    """From what the script printed: the host names, sorted, in lower case."""
    found: set[str] = set()
    for manager, lines in _sections(printed):
        found.update(_hosts(lines, bare_names=manager == "go"))
    return tuple(sorted(found))


def _ask(manager: str) -> str:
    program = _PROGRAMS.get(manager, manager)
    return f"""(
command -v {program} >/dev/null || exit 0
place=$(mktemp -d) || exit 0
trap 'rm -rf "$place"' EXIT
echo '{_MARK} {manager}'
{_SCRIPTS[manager]}
) </dev/null 2>/dev/null"""


def _sections(printed: str) -> Iterable[tuple[str, list[str]]]:
    manager: str | None = None
    lines: list[str] = []
    for line in [*printed.splitlines(), f"{_MARK} end"]:
        mark, _, name = line.partition(" ")
        if mark != _MARK:
            lines.append(line)
            continue
        if manager is not None:
            yield manager, lines
        manager, lines = name, []


def _hosts(lines: list[str], *, bare_names: bool) -> Iterable[str]:
    for line in lines:
        urls = _URL.findall(line)
        for url in urls:
            yield from _host(url)
        if bare_names and not urls and "." in line:
            yield from _host(f"https://{line.strip()}")


def _host(url: str) -> Iterable[str]:
    try:
        name = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return
    if _NAME.fullmatch(name):
        yield name
