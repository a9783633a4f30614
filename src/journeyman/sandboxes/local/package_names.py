"""What may name a package, by manager: a name is data, never an option, a path or a piece of shell."""

import re
from collections.abc import Callable

from packaging.requirements import InvalidRequirement, Requirement

from journeyman.sandboxes.port import EnvironmentFailed

_APT = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+](:[a-z0-9]+)?(=[A-Za-z0-9][A-Za-z0-9.+:~-]*|/[a-z][a-z0-9.-]*)?")
_CARGO = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(@[0-9A-Za-z.+^~=<>*, -]+)?")
_GEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9A-Za-z.~<>=!, -]+)?")
_GO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9._~-]+)*(@[A-Za-z0-9][A-Za-z0-9._~/+-]*)?")
_NPM = re.compile(r"(@[a-z0-9~][a-z0-9._~-]*/)?[A-Za-z0-9~][A-Za-z0-9._~-]*(@[A-Za-z0-9.^~<>=| *+-]+)?")
_LONGEST = 500


def check(manager: str, name: str) -> None:
    """Raises EnvironmentFailed."""
    allowed, example = _RULES[manager]
    if len(name) > _LONGEST or not allowed(name):
        raise EnvironmentFailed(
            f"{manager}: {name[:_LONGEST]!r} is not the name of a package. Write it like {example}."
        )


def bare(manager: str, name: str) -> str:
    """The name without version and the like, as a manager's messages have it."""
    match manager:
        case "apt":
            return re.split("[:=/]", name)[0]
        case "pip":
            return Requirement(name).name
        case "gem":
            return name.partition(":")[0]
        case _:
            head, _, _ = name[1:].partition("@")
            return name[0] + head


def _pip(name: str) -> bool:
    # A requirement may hold spaces and quotes (markers), but begins with a name.
    try:
        return name.isprintable() and bool(Requirement(name))
    except InvalidRequirement:
        return False


def _fully(pattern: "re.Pattern[str]") -> Callable[[str], bool]:
    return lambda name: pattern.fullmatch(name) is not None


_RULES: dict[str, tuple[Callable[[str], bool], str]] = {
    "apt": (_fully(_APT), "`graphviz` or `graphviz=2.42.4-3`"),
    "cargo": (_fully(_CARGO), "`ripgrep` or `ripgrep@14.0.0`"),
    "gem": (_fully(_GEM), "`rails` or `rails:7.1.0`"),
    "go": (_fully(_GO), "`golang.org/x/tools/cmd/goimports@latest`"),
    "npm": (_fully(_NPM), "`express`, `express@4.18.0` or `@scope/name@1.0.0`"),
    "pip": (_pip, "`pandas`, `pandas==2.2.0` or `name @ https://…`"),
}
