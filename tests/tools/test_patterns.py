"""Globs without ripgrep mean what they mean with it."""

import subprocess
from pathlib import Path

import pytest

from journeyman.tools.glob import split
from journeyman.tools.patterns import compiled

FILES = ["a.py", "b.txt", ".hidden.py", "src/a.py", "src/deep/x/a.py", "src/deep/b.ts", "docs/a[1].md", "docs/c.md"]
PATTERNS = [
    "*.py", "src/*.py", "src/**/*.py", "**/*.ts", "**", "/a.py", "/*.txt", "{a,b}.*", "*.{py,ts}", "?.py", "[ab].*",
    "[!a].*", "docs/a\\[1\\].md", "[a-c].md", "src/**", "deep/*.ts", "**/deep/**", "nothing",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_same_files_as_ripgrep(tmp_path: Path, pattern: str) -> None:
    for name in FILES:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    command = ["rg", "--no-config", "--files", "--hidden", "--no-ignore", f"--glob={pattern}"]
    listed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout.split()
    matcher = compiled(pattern)
    assert matcher is not None
    assert sorted(name for name in FILES if matcher.fullmatch(name)) == sorted(listed)


@pytest.mark.parametrize("pattern", ["[", "a[", "[z-a]"])
def test_a_malformed_pattern_is_none(pattern: str) -> None:
    assert compiled(pattern) is None


@pytest.mark.parametrize(
    ("path", "pattern", "result"),
    [
        (None, "*.py", (None, "*.py")),
        ("src", "*.py", ("src", "*.py")),
        (None, "/workspace/src/**/*.py", ("/workspace/src", "/**/*.py")),
        ("x", "/*.py", ("x", "/*.py")),
        ("/etc/", "/etc/*.conf", ("/etc", "/*.conf")),
        ("/", "/etc/*.conf", ("/etc", "/*.conf")),
        ("/etc", "/etcetera/*", ("/etc", "/etcetera/*")),
        (None, "/etc/hosts", ("/etc", "/hosts")),
    ],
)
def test_the_fixed_part_of_an_absolute_pattern_is_the_directory(
    path: str | None, pattern: str, result: tuple[str | None, str]
) -> None:
    assert split(path, pattern) == result
