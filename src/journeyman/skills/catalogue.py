"""The built-in skills, which every workspace has: folders of this package."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from journeyman.skills.bundle import Bundle, File
from journeyman.skills.front_matter import read_front_matter
from journeyman.wire.skills import LATEST

_PLACE = Path(__file__).parent / "builtin"
VERSION = "20261126"
"""Of all of them: the day on which they were last changed."""
CHANGED_AT = 1_795_651_200_000_000
"""That day, in µs since the epoch."""


@dataclass(frozen=True, slots=True)
class Builtin:
    """One of them; its id is its name."""

    name: str
    title: str
    description: str

    def bundle(self) -> Bundle:
        """With its files."""
        root = _PLACE / self.name
        files = [
            File(str(path.relative_to(root)), data, data.startswith(b"#!"))
            for path in sorted(root.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
            for data in [path.read_bytes()]
        ]
        return Bundle(self.name, self.description, files)


_TITLES = {"xlsx": "Excel", "pptx": "PowerPoint", "pdf": "PDF", "docx": "Word"}


class Catalogue:
    """All of them, read when they are first asked for."""

    @cached_property
    def skills(self) -> Mapping[str, Builtin]:
        """By name, in the order in which they are listed."""
        return {name: Builtin(name, title, _described(name)) for name, title in _TITLES.items()}

    def find(self, skill_id: str, version: str) -> Builtin | None:
        """None when there is no such skill, or no such version of it."""
        return self.skills.get(skill_id) if version in (LATEST, VERSION) else None

    def after(self, name: str | None) -> Sequence[Builtin]:
        """Those listed behind one of them; all when it is None."""
        found = list(self.skills.values())
        return found if name is None else found[list(self.skills).index(name) + 1 :]


def _described(name: str) -> str:
    return read_front_matter((_PLACE / name / "SKILL.md").read_bytes()).description
