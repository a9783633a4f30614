"""Images from archives that others made: whole, merged, and never outside their place."""

import os
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sandboxes import layout
from sandboxes.layout import device, directory, file, link, smallest, tar

from journeyman.sandboxes.local.images import OWNER, Image, Images
from journeyman.sandboxes.local.importing import import_image
from journeyman.sandboxes.local.namespace import ImageFailed

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's images are tested by a user of our own")


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(tmp_path)


def _import(images: Images, path: Path) -> tuple[Image, list[str]]:
    said: list[str] = []
    return import_image(images, "small", path, said.append), said


def _tar(tmp_path: Path, *entries: layout.Entry) -> Path:
    path = tmp_path / "small.tar"
    path.write_bytes(tar([*smallest(), *entries]))
    return path


def _nothing_left(images: Images) -> None:
    assert images.all() == []
    assert [path.name for path in images.path.iterdir() if not path.name.endswith(".lock")] == []


def test_a_root_directory_becomes_an_image(images: Images, tmp_path: Path) -> None:
    path = _tar(
        tmp_path, file("etc/motd", b"hello", uid=7), file("usr/bin/su", b"", 0o4755), link("a", "usr/bin/su", hard=True)
    )
    image, _ = _import(images, path)
    assert images.all() == [image]
    assert images.find("small") == image
    motd, su = image.rootfs / "etc/motd", image.rootfs / "usr/bin/su"
    assert (motd.read_bytes(), motd.stat().st_uid) == (b"hello", OWNER + 7)
    assert (stat.S_IMODE(su.stat().st_mode), su.stat().st_uid, su.stat().st_nlink) == (0o4755, OWNER, 2)
    assert stat.S_IMODE(image.path.stat().st_mode) == 0o700
    assert image.path.stat().st_uid == 0
    owned_by_root = [path for path in image.rootfs.rglob("*") if path.lstat().st_uid < OWNER]
    assert owned_by_root == []


def test_a_closed_image_is_closed_to_others(images: Images, tmp_path: Path) -> None:
    with _open_place() as place:
        image = import_image(Images(place), "small", _tar(tmp_path), lambda _: None)
        other = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "sh", "-c", '"$0" -c :']
        done = subprocess.run([*other, image.rootfs / "bin/bash"], cwd="/", capture_output=True, check=False)
        assert (done.returncode, b"Permission denied" in done.stderr) == (126, True)


def test_the_image_suits_a_sandbox(images: Images, tmp_path: Path) -> None:
    image, _ = _import(
        images,
        _tar(
            tmp_path, file("usr/bin/apt-get"), link("etc/resolv.conf", "/etc/hostname"), file("etc/hostname", b"theirs")
        ),
    )
    root = image.rootfs
    assert (root / "usr/sbin/policy-rc.d").read_text().endswith("exit 101\n")
    assert 'APT::Sandbox::User "root"' in (root / "etc/apt/apt.conf.d/90journeyman").read_text()
    assert (root / "etc/hostname").read_text() == "sandbox\n"
    assert not (root / "etc/resolv.conf").is_symlink()
    assert stat.S_IMODE((root / "tmp").stat().st_mode) == 0o1777
    assert (root / "workspace").is_dir()


@pytest.mark.parametrize("compress", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("packed", [False, True])
def test_an_oci_layout(images: Images, tmp_path: Path, compress: str, packed: bool) -> None:
    lower = tar(
        [*smallest(), file("opt/kept"), file("opt/gone"), file("opt/full/old"), file("srv/file"), directory("srv/dir")]
    )
    upper = tar(
        [
            file("opt/.wh.gone"),
            file("opt/full/new"),  # an opaque mark hides the layers below, wherever it stands in its own
            file("opt/full/.wh..wh..opq"),
            directory("srv/file"),
            file("srv/dir", b"now a file"),
            file("bin/tool", b"through a link"),
        ]
    )
    path = layout.layout(tmp_path / "layout", [lower, upper], compress=compress, architecture=_architecture())
    if packed:
        with tarfile.open(tmp_path / "layout.tar", "w") as archive:
            archive.add(path, ".")
        path = tmp_path / "layout.tar"
    image, _ = _import(images, path)
    root = image.rootfs
    assert sorted(each.name for each in (root / "opt").iterdir()) == ["full", "kept", "npm"]
    assert [each.name for each in (root / "opt/full").iterdir()] == ["new"]
    assert (root / "srv/file").is_dir()
    assert (root / "srv/dir").read_bytes() == b"now a file"
    assert (root / "usr/bin/tool").read_bytes() == b"through a link"


def test_the_same_content_has_the_same_digest(tmp_path: Path) -> None:
    path = _tar(tmp_path)
    first, second, third = (Images(tmp_path / name) for name in "abc")
    digest = import_image(first, "small", path, lambda _: None).digest
    assert import_image(second, "small", path, lambda _: None).digest == digest
    path.write_bytes(tar([*smallest(), file("more")]))
    assert import_image(third, "small", path, lambda _: None).digest != digest


def test_a_hostile_archive_stays_inside(images: Images, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    up = "../" * 12
    hostile = [
        file(f"{up}{outside}/up"),
        file(f"{outside}/absolute"),
        link("way", str(outside)),
        file("way/through-absolute", b"x"),
        link("climb", f"{up}{outside}".replace("//", "/")),
        file("climb/through-relative", b"x"),
        link("chain", "climb"),
        file("chain/through-chain", b"x"),
        link("hard", f"{outside}/secret", hard=True),
        link("hard2", f"{up}{outside}/secret".replace("//", "/"), hard=True),
        link("loop", "pool"),
        link("pool", "loop"),
        file("loop/x"),
        device("dev/null"),
        device("dev/sda", tarfile.BLKTYPE),
        device("pipe", tarfile.FIFOTYPE),
        file(".", b"the root as a file"),
        file("etc/passwd/below-a-file"),
        file("usr/bin/bash/below"),
        file("opt/.wh.."),
        file("opt/.wh..."),
    ]
    image, said = _import(images, _tar(tmp_path, *hostile))
    assert [each.name for each in outside.iterdir()] == ["secret"]
    kinds = {stat.S_IFMT(path.lstat().st_mode) for path in image.rootfs.rglob("*")}
    assert kinds <= {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}
    assert [path for path in image.rootfs.rglob("*") if path.name in ("hard", "hard2", "up")] == []
    # Links lead where they would in the image, so what went through them is there.
    within = image.rootfs / str(outside).lstrip("/")
    assert {path.name for path in within.iterdir()} == {
        "absolute",
        "through-absolute",
        "through-relative",
        "through-chain",
    }
    assert any("leads upwards" in line for line in said)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no whole tar archive"),
        (b"not an archive at all" * 100, "no whole tar archive"),
        (tar(smallest())[:-60_000], "no whole tar archive"),
        (b"\x1f\x8bbroken", "no whole tar archive"),
        (b"\x28\xb5\x2f\xfdbroken", "no whole tar archive"),
        (tar([file("bin/sh")]), "no /bin/bash"),
        (tar([file("bin/bash", b"@(#)Bash version 5.2.1")]), "merged /usr"),
        (tar([link("bin", "usr/bin"), link("lib", "usr/lib"), file("usr/bin/bash", b"@(#)Bash version 4.4.1")]), "4.4"),
    ],
)
def test_what_is_no_image_is_refused_and_leaves_nothing(images: Images, tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "bad.tar"
    path.write_bytes(data)
    with pytest.raises(ImageFailed, match=says):
        _import(images, path)
    _nothing_left(images)


def test_a_damaged_layout_is_refused(images: Images, tmp_path: Path) -> None:
    path = layout.layout(tmp_path / "layout", [tar(smallest())])
    largest = max((path / "blobs/sha256").iterdir(), key=lambda blob: blob.stat().st_size)
    largest.write_bytes(largest.read_bytes() + b"x")
    with pytest.raises(ImageFailed, match="damaged"):
        _import(images, path)
    (path / "index.json").write_text('{"manifests": [{"digest": "sha256:../../../../etc/passwd"}]}')
    with pytest.raises(ImageFailed, match="no sha256"):
        _import(images, path)
    (path / "index.json").unlink()
    with pytest.raises(ImageFailed, match=r"no index\.json"):
        _import(images, path)
    _nothing_left(images)


def test_an_image_of_another_machine_is_refused(images: Images, tmp_path: Path) -> None:
    path = layout.layout(tmp_path / "layout", [tar(smallest())], architecture="s390x")
    with pytest.raises(ImageFailed, match="no image for linux/"):
        _import(images, path)


def test_a_missing_archive_and_a_taken_name(images: Images, tmp_path: Path) -> None:
    with pytest.raises(ImageFailed, match="No such file"):
        _import(images, tmp_path / "nowhere.tar")
    path = _tar(tmp_path)
    _import(images, path)
    with pytest.raises(ImageFailed, match="already"):
        _import(images, path)
    for name in ("host", "../up", "", ".hidden"):
        with pytest.raises(ImageFailed, match="cannot name an image"):
            import_image(images, name, path, lambda _: None)


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


@contextmanager
def _open_place() -> Iterator[Path]:
    """A directory that every user may pass, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="images-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
