"""What an upload of a skill may be, and what becomes of it."""

import io
import stat
import zipfile
from typing import Any

import pytest

from journeyman.skills.bundle import File, pack_zip, read_upload, unpack_zip
from journeyman.wire.errors import ApiError

MD = b"---\nname: a-skill\ndescription: Does.\n---\nHow.\n"


def refusal(*parts: tuple[str, bytes]) -> str:
    with pytest.raises(ApiError) as caught:
        read_upload(parts)
    return caught.value.message


def zipped(*entries: tuple[Any, bytes], **options: Any) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return packed.getvalue()


def front_matter(text: str) -> str:
    return refusal(("a-skill/SKILL.md", f"---\n{text}\n---\n".encode()))


@pytest.mark.documented
def test_files_and_a_zip_of_them_are_the_same() -> None:
    """facts 14.3: one folder, named as SKILL.md says; what is executable stays so; litter of archivers is left out."""
    loose = [("a-skill/SKILL.md", MD), ("a-skill/scripts/run.sh", b"#!/bin/sh\n"), ("a-skill/.DS_Store", b"x")]
    bundle = read_upload(loose)
    assert (bundle.name, bundle.description) == ("a-skill", "Does.")
    assert bundle.files == [File("SKILL.md", MD), File("scripts/run.sh", b"#!/bin/sh\n", True)]
    archive = zipped(("__MACOSX/a-skill/._SKILL.md", b"x"), ("a-skill/", b""), *loose)
    assert read_upload([("any name", archive)]) == bundle
    assert unpack_zip(pack_zip(bundle)) == bundle.files
    assert pack_zip(read_upload(loose[::-1])) == pack_zip(bundle)


@pytest.mark.validated
def test_folders() -> None:
    """facts 2.9: the two recorded messages."""
    no_folder = "Zip must contain a top-level folder with all files inside it, including SKILL.md"
    for entries in ([("SKILL.md", MD)], [("a/SKILL.md", MD), ("b/x", b"")], [("a/b/SKILL.md", MD)], []):
        assert refusal(("z.zip", zipped(*entries))) == no_folder
    other = "The folder name 'other' must match the skill name 'a-skill' in SKILL.md."
    assert refusal(("other/SKILL.md", MD)) == other
    assert refusal(("z", zipped(("other/SKILL.md", MD)))) == other
    assert "SKILL.md" in refusal(("SKILL.md", MD))
    assert refusal() == "files: Field required"


@pytest.mark.documented
def test_what_skill_md_must_say() -> None:
    """facts 14.3: name and description, and their rules; a missing name is the folder's."""
    assert read_upload([("a-skill/SKILL.md", b"---\ndescription: >\n  Does\n  well.\n---\n")]).name == "a-skill"
    assert "frontmatter" in refusal(("a-skill/SKILL.md", b"# No head"))
    assert "UTF-8" in refusal(("a-skill/SKILL.md", b"---\nname: \xff\n---\n"))
    assert "YAML" in front_matter("name: [")
    assert "mapping" in front_matter("- name")
    assert "`name`" in front_matter("name: A_Skill\ndescription: x")
    assert "`name`" in front_matter(f"name: {'a' * 65}\ndescription: x")
    assert "string" in front_matter("name: 1\ndescription: x")
    for word in ("anthropic", "claude"):
        assert word in front_matter(f"name: my-{word}-skill\ndescription: x")
        assert word in refusal((f"{word}/SKILL.md", b"---\ndescription: x\n---\n"))
    for nothing in ("", "description:", "description: ' '"):
        assert "`description`" in front_matter(f"name: a-skill\n{nothing}")
    assert "1024" in front_matter(f"name: a-skill\ndescription: {'x' * 1025}")
    assert "XML" in front_matter("name: a-skill\ndescription: a <b>bold</b> one")


@pytest.mark.ours_only
def test_paths_and_archives_that_are_not_taken() -> None:
    """Nothing leaves the folder, and an archive is no larger than it may be whatever it says of itself."""
    for name in ("../SKILL.md", "/a-skill/SKILL.md", "a-skill/../../x", "a-skill\\SKILL.md", "a-skill/\n", ""):
        assert "not a path" in refusal(("a-skill/SKILL.md", MD), (name, b""))
    assert "not a path" in refusal(("z", zipped(("a-skill/SKILL.md", MD), ("../x", b""))))
    assert "twice" in refusal(("a-skill/SKILL.md", MD), ("a-skill/./SKILL.md", MD))
    link = zipfile.ZipInfo("a-skill/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    link.create_system = 3
    assert "regular" in refusal(("z", zipped(("a-skill/SKILL.md", MD), (link, b"/etc/passwd"))))
    assert "zip" in refusal(("z", zipped(("a-skill/SKILL.md", MD))[:60]))
    assert "30MBs" in refusal(("z", zipped(("a-skill/SKILL.md", MD), ("a-skill/zeros", bytes(31 << 20)))))
