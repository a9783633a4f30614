"""The built-in skills are whole: they keep the rules of uploaded ones, and say nothing of files that are not there."""

import re

import pytest

from journeyman.skills.bundle import pack_zip, read_upload
from journeyman.skills.catalogue import VERSION, Catalogue

pytestmark = pytest.mark.documented


@pytest.mark.parametrize("name", ["xlsx", "pptx", "pdf", "docx"])
def test_a_built_in_skill(name: str) -> None:
    """facts 14.8: the four short names."""
    builtin = Catalogue().skills[name]
    bundle = builtin.bundle()
    assert read_upload([("zip", pack_zip(bundle))]) == bundle
    files = {file.path: file for file in bundle.files}
    instructions = files["SKILL.md"].data.decode()
    named = set(re.findall(r"scripts/\w+\.py", instructions))
    assert named == set(files) - {"SKILL.md"} != set()
    assert len(instructions.splitlines()) < 500
    for path in named:
        compile(files[path].data, path, "exec")
        assert files[path].executable


def test_versions() -> None:
    catalogue = Catalogue()
    assert catalogue.find("pdf", VERSION) is catalogue.find("pdf", "latest") is not None
    assert catalogue.find("pdf", "20200101") is None
    assert catalogue.find("other", "latest") is None
