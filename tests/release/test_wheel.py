"""What is installed is what is here: programs, migrations, the shell's scripts, the licence."""

from pathlib import Path
from zipfile import ZipFile

from release.wheel import ROOT, build_wheel

PACKAGE = ROOT / "src" / "journeyman"


def test_the_wheel_has_every_file_of_the_package(tmp_path: Path) -> None:
    with ZipFile(build_wheel(tmp_path)) as wheel:
        carried = {name: wheel.read(name) for name in wheel.namelist()}
    [info] = {name.partition("/")[0] for name in carried if ".dist-info/" in name}
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {str(path.relative_to(PACKAGE.parent)): path.read_bytes() for path in files} == {
        name: data for name, data in carried.items() if not name.startswith(info)
    }
    assert b"journeyman = journeyman.cli:main" in carried[f"{info}/entry_points.txt"]
    assert carried[f"{info}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
