"""glob and grep in a real sandbox, with ripgrep and without."""

import pytest

from journeyman.tools.port import ToolResult

from .calls import Caller

pytestmark = pytest.mark.anyio
TREE = """
mkdir -p src/deep .hidden ignored many
printf '.*\\nignored\\n' > .gitignore; git init -q . 2>/dev/null || mkdir -p .git
printf 'def a():\\n    return 1\\n' > src/a.py
printf 'import a\\n# def b\\nprint(a.a())\\n' > src/deep/b.py
echo 'def hidden' > .hidden/c.py
echo 'def ignored' > ignored/d.py
printf 'def bin\\0ary' > data.bin
for i in $(seq 1 150); do echo "line $i" > many/f$i.txt; done
"""
WITHOUT = r"""
first=${PATH%%:*}; mkdir -p "$first"
printf '#!/bin/sh\nexit 127\n' > "$first/rg"; chmod +x "$first/rg"; hash -r; ! rg --version
"""


def _text(result: ToolResult, *, error: bool = False) -> str:
    (block,) = result.content
    assert result.is_error == error, block
    return block["text"]


def _lines(result: ToolResult) -> list[str]:
    return sorted(_text(result).splitlines())


@pytest.fixture(params=["ripgrep", "fallback"])
async def tree(request: pytest.FixtureRequest, call: Caller) -> str:
    """Files to search, in a sandbox that has ripgrep or has it no longer."""
    assert not (await call("bash", command=TREE)).is_error
    if request.param == "fallback":
        removed = await call("bash", command=WITHOUT)
        assert not removed.is_error, removed
    else:
        assert not (await call("bash", command="command -v rg")).is_error
    return request.param


async def test_glob(tree: str, call: Caller) -> None:
    """A plain pattern recurses; hidden and ignored files are included; paths are relative to the working directory."""
    every = [".hidden/c.py", "ignored/d.py", "src/a.py", "src/deep/b.py"]
    assert _lines(await call("glob", pattern="*.py")) == every
    assert _lines(await call("glob", pattern="src/*.py")) == ["src/a.py"]
    assert _lines(await call("glob", pattern="src/**/*.py")) == ["src/a.py", "src/deep/b.py"]


async def test_glob_in_a_directory(tree: str, call: Caller) -> None:
    """A relative path gives relative results, an absolute one absolute results."""
    assert _lines(await call("glob", pattern="*.py", path="src")) == ["src/a.py", "src/deep/b.py"]
    assert _lines(await call("glob", pattern="deep/*.py", path="/workspace/src")) == ["/workspace/src/deep/b.py"]
    assert _lines(await call("glob", pattern="/workspace/src/*.py")) == ["/workspace/src/a.py"]
    assert _lines(await call("glob", pattern="b.py", path="./src/deep/")) == ["./src/deep/b.py"]


async def test_glob_gives_at_most_100_lines(tree: str, call: Caller) -> None:
    """The list is cut silently after 100 lines."""
    assert len(_lines(await call("glob", pattern="many/*.txt"))) == 100


async def test_glob_without_a_match(tree: str, call: Caller) -> None:
    """No match is "No files found" and no error."""
    assert _text(await call("glob", pattern="*.rs")) == "No files found"


async def test_glob_of_a_missing_directory(tree: str, call: Caller) -> None:
    """A missing directory is an error in the shell's words."""
    said = _text(await call("glob", pattern="*", path="nope"), error=True)
    assert said.startswith("/bin/sh: 1: cd: can't cd to nope")


async def test_glob_with_a_bad_pattern(tree: str, call: Caller) -> None:
    """A malformed pattern is an error in ripgrep's words."""
    assert _text(await call("glob", pattern="["), error=True).startswith("rg: error parsing glob '['")


async def test_grep(tree: str, call: Caller) -> None:
    found = _lines(await call("grep", pattern=r"def \w+"))
    assert found == [
        ".hidden/c.py:1:def hidden",
        "ignored/d.py:1:def ignored",
        "src/a.py:1:def a():",
        "src/deep/b.py:2:# def b",
    ]


async def test_grep_in_a_place(tree: str, call: Caller) -> None:
    assert _lines(await call("grep", pattern="def b", path="src")) == ["src/deep/b.py:2:# def b"]
    assert _lines(await call("grep", pattern="def a", path="/workspace/src/a.py")) == ["/workspace/src/a.py:1:def a():"]
    assert _lines(await call("grep", pattern="return", path="src/a.py")) == ["src/a.py:2:    return 1"]
    assert _lines(await call("grep", pattern="def", glob="b.*")) == ["src/deep/b.py:2:# def b"]


async def test_grep_with_context(tree: str, call: Caller) -> None:
    shown = _text(await call("grep", pattern="def b", path="src", context=1))
    assert shown == "src/deep/b.py-1-import a\nsrc/deep/b.py:2:# def b\nsrc/deep/b.py-3-print(a.a())"


async def test_grep_head_limit(tree: str, call: Caller) -> None:
    assert len(_lines(await call("grep", pattern="line", head_limit=7))) == 7
    await call("bash", command="seq 1 2000 > numbers")
    *shown, note = _text(await call("grep", pattern=".", path="numbers")).splitlines()
    assert len(shown) == 500
    assert "first 500 lines" in note


async def test_grep_without_a_match(tree: str, call: Caller) -> None:
    """No match is "No matches found" and no error; binary files are skipped."""
    assert _text(await call("grep", pattern="zzz")) == "No matches found"
    assert _text(await call("grep", pattern="bin.?ary")) == "No matches found"


async def test_grep_of_a_missing_path(tree: str, call: Caller) -> None:
    """A missing path is an error in ripgrep's words."""
    assert _text(await call("grep", pattern="a", path="nope"), error=True) == (
        "rg: nope: No such file or directory (os error 2)\n"
    )


async def test_grep_with_a_bad_expression(tree: str, call: Caller) -> None:
    """A malformed expression is an error in the search program's words."""
    said = _text(await call("grep", pattern="a("), error=True)
    assert said.startswith("rg: regex parse error:" if tree == "ripgrep" else "grep: ")


async def test_arguments_cannot_break_out(tree: str, call: Caller) -> None:
    for pattern in ("$(touch /tmp/out)", "'; touch /tmp/out; '", "--pre=touch", "-f/etc/passwd"):
        await call("grep", pattern=pattern, glob="*.py")
        await call("glob", pattern=pattern)
        await call("grep", pattern="x", path=pattern)
        await call("glob", pattern="x", path=pattern)
    assert _text(await call("bash", command="ls /tmp/out 2>&1 || true")).startswith("ls: cannot access")


async def test_a_long_line_is_cut(call: Caller) -> None:
    await call("bash", command="(printf needle; head -c 100000 /dev/zero | tr '\\0' x) > wide")
    assert len(_text(await call("grep", pattern="needle"))) < 1000


async def test_the_root_of_the_sandbox_can_be_searched(call: Caller) -> None:
    """A huge tree gives a bounded answer, without the kernel's directories."""
    found = _text(await call("glob", pattern="*", path="/")).splitlines()
    assert len(found) == 100
    assert not any(path.startswith(("/proc", "/sys", "/dev/")) for path in found)
    assert _text(await call("glob", pattern="/cpuinfo", path="/proc")) == "/proc/cpuinfo"
    assert "/proc/cpuinfo" not in _text(await call("glob", pattern="cpuinfo", path="/"))
