"""What the import contracts cannot say."""

import re
from pathlib import Path

_SOURCE = Path(__file__).parents[1] / "src" / "journeyman"


def test_only_the_configuration_reads_the_environment() -> None:
    readers = {
        str(file.relative_to(_SOURCE))
        for file in _SOURCE.rglob("*.py")
        if re.search(r"\bos\.(environb?|getenvb?)\b|from os import .*\b(environ|getenv)", file.read_text())
    }
    assert readers == {"config/settings.py"}


def test_files_stay_small() -> None:
    lengths = {str(file.relative_to(_SOURCE)): len(file.read_text().splitlines()) for file in _SOURCE.rglob("*.py")}
    assert {name for name, lines in lengths.items() if lines > 400} == set()
