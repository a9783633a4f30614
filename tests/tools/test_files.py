"""read, write and edit in a real sandbox."""

import base64
import struct
import zlib
from pathlib import Path

import pytest

from journeyman.sandboxes.local.provider import LocalSandboxes
from journeyman.sandboxes.port import FileData, Run
from journeyman.tools.port import ToolResult

from .calls import Caller

pytestmark = pytest.mark.anyio


def _text(result: ToolResult, *, error: bool = False) -> str:
    (block,) = result.content
    assert result.is_error == error, block
    return block["text"]


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (width + 1) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


async def _put(call: Caller, path: str, data: bytes) -> None:
    encoded = base64.b64encode(data).decode()
    result = await call("bash", command=f"base64 -d > '{path}' <<'END'\n{encoded}\nEND")
    assert not result.is_error


async def test_lines_have_numbers_and_tabs(call: Caller) -> None:
    """Each line is number, TAB, text: from 1, without padding; empty lines keep their number and TAB."""
    await call("write", file_path="a.txt", content="one\n\n  three\n")
    assert _text(await call("read", file_path="a.txt")) == "1\tone\n2\t\n3\t  three"
    assert _text(await call("read", file_path="/workspace/a.txt", view_range=[2, 3])) == "2\t\n3\t  three"


@pytest.mark.parametrize(
    ("view_range", "lines"),
    [([1, 1], [1]), ([9, -1], [9, 10]), ([9, 0], [9, 10]), ([9, 99], [9, 10]), ([0, 2], [1, 2]), ([-5, 1], [1])],
)
async def test_ranges(call: Caller, view_range: list[int], lines: list[int]) -> None:
    """Ranges are inclusive, and a last line of 0 or less means the end of the file."""
    await call("write", file_path="ten", content="".join(f"{n}\n" for n in range(1, 11)))
    shown = _text(await call("read", file_path="ten", view_range=view_range))
    assert shown.splitlines() == [f"{n}\t{n}" for n in lines]


@pytest.mark.parametrize(
    ("view_range", "said"), [([11, 12], "has 10 lines"), ([5, 2], "ends before it begins"), ([1], "at least 2 items")]
)
async def test_bad_ranges_are_explained(call: Caller, view_range: list[int], said: str) -> None:
    await call("write", file_path="ten", content="".join(f"{n}\n" for n in range(1, 11)))
    assert said in _text(await call("read", file_path="ten", view_range=view_range), error=True)


async def test_an_empty_file_and_no_last_newline(call: Caller) -> None:
    await call("write", file_path="empty", content="")
    await call("write", file_path="open", content="a\nb")
    assert _text(await call("read", file_path="empty")) == "(the file is empty)"
    assert _text(await call("read", file_path="open")) == "1\ta\n2\tb"


async def test_what_is_no_file_is_explained(call: Caller) -> None:
    await call("bash", command="mkfifo pipe; mkdir dir; touch file; printf '\\177ELF\\0\\0' > program")
    assert _text(await call("read", file_path="nope"), error=True) == "read: nope: no such file or directory"
    assert "is a directory" in _text(await call("read", file_path="dir"), error=True)
    assert "binary file" in _text(await call("read", file_path="program"), error=True)
    assert "~ is not expanded" in _text(await call("read", file_path="~/x"), error=True)
    assert "not a directory" in _text(await call("read", file_path="file/x"), error=True).lower()
    for path in ("pipe", "/dev/zero", ""):
        assert _text(await call("read", file_path=path), error=True)


async def test_a_long_file_is_read_in_parts(call: Caller) -> None:
    await call("bash", command="seq 1 200000 > many")
    first = _text(await call("read", file_path="many"))
    assert len(first) < 91_000
    assert first.startswith("1\t1\n2\t2\n")
    *_, last, note = first.splitlines()
    following = int(last.partition("\t")[0]) + 1
    assert f"Go on with view_range [{following}, -1]" in note
    shown = _text(await call("read", file_path="many", view_range=[199_999, -1]))
    assert shown == "199999\t199999\n200000\t200000"


async def test_a_very_long_line_is_cut(call: Caller) -> None:
    await call("bash", command="head -c 3000000 /dev/zero | tr '\\0' x > wide; echo >> wide; echo end >> wide")
    first, second = _text(await call("read", file_path="wide")).splitlines()
    assert first == "1\t" + "x" * 2000 + " [line cut after 2000 characters]"
    assert second == "2\tend"


async def test_text_that_is_not_utf8_is_shown_with_replacement(call: Caller) -> None:
    await _put(call, "latin", "gr\u00fcn\n".encode("latin-1"))
    assert _text(await call("read", file_path="latin")) == "1\tgr\ufffdn"


async def test_images_and_pdfs_are_blocks(call: Caller) -> None:
    """Images and PDFs come as base64 blocks, by what they are and not by their name."""
    await _put(call, "picture.txt", _png(2, 3))
    await _put(call, "paper", b"%PDF-1.4\n%%EOF")
    (image,) = (await call("read", file_path="picture.txt")).content
    assert (image["type"], image["source"]["media_type"]) == ("image", "image/png")
    assert base64.b64decode(image["source"]["data"]) == _png(2, 3)
    (document,) = (await call("read", file_path="paper")).content
    assert (document["type"], document["source"]["media_type"]) == ("document", "application/pdf")
    assert "view_range" in _text(await call("read", file_path="paper", view_range=[1, 2]), error=True)


async def test_images_that_a_model_would_refuse_are_refused_here(call: Caller) -> None:
    """One unacceptable image would make every later request of the session fail."""
    await _put(call, "wide.png", _png(9000, 1))
    await call("bash", command="printf '\\211PNG\\r\\n\\032\\n' > cut.png; head -c 4000000 /dev/zero >> big.png")
    await call("bash", command="(cat cut.png; head -c 4000000 /dev/zero) > big.png")
    assert "9000x1" in _text(await call("read", file_path="wide.png"), error=True)
    assert "damaged" in _text(await call("read", file_path="cut.png"), error=True)
    assert "4.0 MB" in _text(await call("read", file_path="big.png"), error=True)


async def test_write_makes_parents_and_counts_bytes(call: Caller) -> None:
    result = await call("write", file_path="new/dir/a.txt", content="gr\u00fcn\r\n")
    assert _text(result) == "wrote 7 bytes to new/dir/a.txt"
    assert _text(await call("bash", command="od -An -c /workspace/new/dir/a.txt")).split()[-2:] == ["\\r", "\\n"]


async def test_write_keeps_the_mode_of_a_file(call: Caller) -> None:
    await call("bash", command="echo old > run.sh; chmod 755 run.sh")
    await call("write", file_path="run.sh", content="echo new\n")
    assert _text(await call("bash", command="./run.sh")) == "new\n"


async def test_write_to_a_directory_is_explained(call: Caller) -> None:
    await call("bash", command="mkdir dir")
    assert _text(await call("write", file_path="dir", content="x"), error=True).startswith("write: dir: ")


async def test_edit_replaces_one_occurrence(call: Caller) -> None:
    await call("write", file_path="a.py", content="x = 1\ny = 1\n")
    result = await call("edit", file_path="a.py", old_string="x = 1", new_string="x = 2")
    assert _text(result) == "edited a.py (1 replacement(s))"
    assert _text(await call("bash", command="cat a.py")) == "x = 2\ny = 1\n"


async def test_edit_needs_a_unique_text(call: Caller) -> None:
    """Text that is not there, or more than once, is an error."""
    await call("write", file_path="a.py", content="a\na\na\n")
    several = await call("edit", file_path="a.py", old_string="a", new_string="b")
    assert "edit: old_string appears 3 times in a.py (must be unique)" in _text(several, error=True)
    missing = await call("edit", file_path="a.py", old_string="z", new_string="b")
    assert "edit: old_string not found in a.py" in _text(missing, error=True)
    every = await call("edit", file_path="a.py", old_string="a", new_string="b", replace_all=True)
    assert _text(every) == "edited a.py (3 replacement(s))"
    assert _text(await call("bash", command="cat a.py")) == "b\nb\nb\n"


@pytest.mark.parametrize(
    ("content", "old", "said"),
    [
        ("a\r\nb\r\n", "a\nb", "lines end in \\r\\n"),
        ("a\nb\n", "a\r\nb", "lines end in \\n"),
        ("def f():\n    pass\n", "1\tdef f():\n2\t    pass", "leave out the line numbers"),
        ("a b\n", "  a b  ", "other whitespace"),
        ("a\n", "a", "the same"),
        ("a\n", "", "old_string is empty"),
    ],
)
async def test_edit_says_why_nothing_matched(call: Caller, content: str, old: str, said: str) -> None:
    await call("write", file_path="f", content=content)
    result = await call("edit", file_path="f", old_string=old, new_string="a")
    assert said in _text(result, error=True)


async def test_edit_leaves_every_other_byte_as_it_was(call: Caller) -> None:
    await _put(call, "mixed", b"\xef\xbb\xbfone\r\ntwo\n\xff\xfe three\r\n")
    await call("edit", file_path="mixed", old_string="two", new_string="zw\u00f6lf")
    read = await call("bash", command="base64 mixed")
    assert base64.b64decode(_text(read)) == b"\xef\xbb\xbfone\r\nzw\xc3\xb6lf\n\xff\xfe three\r\n"


async def test_a_repeated_edit_answers_what_it_did(call: Caller) -> None:
    """The text to replace is gone after the first run, which must not make the second one an error."""
    await call("write", file_path="a", content="one")
    for _ in range(2):
        result = await call("edit", file_path="a", old_string="one", new_string="one one", run="sevt_edit")
        assert _text(result) == "edited a (1 replacement(s))"
    assert _text(await call("bash", command="cat a")) == "one one"


async def test_a_repeated_write_does_not_undo_what_came_after(call: Caller) -> None:
    await call("write", file_path="a", content="one", run="sevt_write")
    await call("bash", command="echo two > a")
    assert _text(await call("write", file_path="a", content="one", run="sevt_write")) == "wrote 3 bytes to a"
    assert _text(await call("bash", command="cat a")) == "two\n"


async def test_an_edit_does_not_undo_a_change_made_meanwhile(tmp_path: Path) -> None:
    class Busy(LocalSandboxes):
        """Something else writes the file right after it was read."""

        async def read(self, sandbox: str, path: str, *, offset: int = 0, limit: int) -> FileData:
            data = await super().read(sandbox, path, offset=offset, limit=limit)
            await super().write(sandbox, path, b"one two", run=Run("sevt_other"), note="")
            return data

    sandboxes = Busy(tmp_path)
    try:
        call = Caller(sandboxes, "sesn_busy")
        await call("write", file_path="a", content="one")
        assert _text(await call("edit", file_path="a", old_string="one", new_string="1"), error=True)
        assert _text(await call("bash", command="cat a")) == "one two"
    finally:
        await sandboxes.destroy("sesn_busy")
        await sandboxes.close()


async def test_edit_of_what_is_no_file_is_explained(call: Caller) -> None:
    await call("bash", command="mkdir dir; head -c 10000001 /dev/zero > huge")
    for path, said in [("nope", "no such file"), ("dir", "is a directory"), ("huge", "more than edit can load")]:
        assert said in _text(await call("edit", file_path=path, old_string="a", new_string="b"), error=True)
