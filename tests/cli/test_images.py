import asyncio
import os
import shutil
import subprocess

import pytest

from cli.command import Home
from journeyman.sandboxes.local import LocalSandboxes, record
from journeyman.sandboxes.local.directory import Directories, Directory
from journeyman.sandboxes.local.layers import Layers
from journeyman.sandboxes.local.record import Record
from journeyman.sandboxes.port import Spec

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user may have no subordinate ids")


def _pack(home: Home) -> None:
    """A root directory with nothing but a bash."""
    root = home.path / "root"
    (root / "usr/bin").mkdir(parents=True)
    for name in ("bin", "lib"):
        (root / name).symlink_to(f"usr/{name}")
    subprocess.run(["cp", "/bin/bash", root / "usr/bin/bash"], check=True)
    subprocess.run(["tar", "-czf", home.path / "small.tar.gz", "-C", root, "."], check=True)


async def _stand_on_it(home: Home) -> None:
    boxes = LocalSandboxes(home.data_dir)
    await boxes.create("box", Spec(base="small"))
    await boxes.create("other", Spec(base="host"))
    await boxes.close()
    directories = Directories(home.data_dir / "sandboxes")
    directories.snapshots.mkdir()
    record.save(directories.snapshots / "1.json", Record(Spec(base="small")))
    built = Directory(home.path / "built")
    built.files.mkdir(parents=True)
    Layers(directories.layers).freeze("env-1", built, 0, "small")


def test_an_image_comes_and_goes(home: Home) -> None:
    _pack(home)
    assert "no images yet" in home.run("images", "list").stderr
    made = home.run("images", "import", "small", "small.tar.gz")
    assert (made.returncode, made.stdout.split(",")[0]) == (0, "small: imported from small.tar.gz")
    assert "unpacking" in made.stderr
    assert home.run("images", "list").stdout.startswith("small ")
    again = home.run("images", "import", "small", "small.tar.gz")
    assert (again.returncode, "already" in again.stderr) == (1, True)
    asyncio.run(_stand_on_it(home))
    used = home.run("images", "remove", "small")
    assert used.returncode == 1 and "Traceback" not in used.stderr
    layer = home.data_dir / "sandboxes/layers/env-1"
    assert (
        "in use by the sandbox box, the snapshot 1, an environment's layer" in used.stderr and str(layer) in used.stderr
    )
    shutil.rmtree(home.data_dir / "sandboxes")
    assert home.run("images", "remove", "small").stdout == "Removed small.\n"
    gone = home.run("images", "remove", "small")
    assert (gone.returncode, "no image 'small'" in gone.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "small", "nowhere.tar"), "nowhere.tar: No such file or directory"),
        (("import", "../up", "nowhere.tar"), "cannot name an image"),
        (("build", "fedora"), "it is debian-min or debian"),
        (("build", "debian", "--with", "games"), "office, tex, browser"),
    ],
)
def test_what_cannot_be_done_is_one_line(home: Home, arguments: tuple[str, ...], says: str) -> None:
    done = home.run("images", *arguments)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
