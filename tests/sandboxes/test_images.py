"""Base images: built for real from Debian packages, by one process at a time, whole or not at all."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sandboxes.layout import file, smallest, tar

from journeyman.sandboxes.local.debian import Source, build, parse_sources, sources
from journeyman.sandboxes.local.images import OWNER, Image, Images, Made
from journeyman.sandboxes.local.namespace import ImageFailed, Namespace, ProgramFailed, owners
from journeyman.sandboxes.local.registries import hosts, script

USER = 54_321
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
needs_mmdebstrap = pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="mmdebstrap is not installed")


@pytest.fixture(scope="module")
def minimal(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build(Images(tmp_path_factory.mktemp("minimal")), "debian-min", [], lambda _: None)


@needs_mmdebstrap
@needs_root
def test_debian_min(minimal: Image) -> None:
    root = minimal.rootfs
    for program in ("bash", "python3", "git", "curl", "rg", "jq", "apt-get"):
        assert (root / "usr/bin" / program).exists(), program
    assert minimal.size < 400e6
    links = [root / name for name in ("bin", "lib", "sbin")]
    assert [str(link.readlink()) for link in links] == ["usr/bin", "usr/lib", "usr/sbin"]
    assert [path for path in root.rglob("*") if not OWNER <= path.lstat().st_uid < OWNER + 65_536] == []
    sources_list = (root / "etc/apt/sources.list").read_text()
    assert {line.split()[2].split("-")[0] for line in sources_list.splitlines() if line.startswith("deb ")} == {
        minimal.source.split()[0]
    }


@needs_mmdebstrap
@needs_root
def test_apt_works_without_privileges(minimal: Image) -> None:
    script = """
    mount --rbind /dev dev && mount --bind /etc/resolv.conf etc/resolv.conf
    chroot . sh -c 'apt-get update -q && apt-get install -q -y tree && tree --version' || exit 1
    """
    lines: list[str] = []
    Namespace(owners(OWNER), minimal.rootfs).run(["sh", "-c", script], tell=lines.append)
    assert lines[-1].startswith("tree v")


@needs_mmdebstrap
@needs_root
def test_the_image_s_managers_name_their_hosts(minimal: Image) -> None:
    lines: list[str] = []
    command = ["unshare", "--net", "sh", "-c", 'mount --rbind /dev dev && exec chroot . bash -c "$0"', script()]
    Namespace(owners(OWNER), minimal.rootfs).run(command, tell=lines.append)
    sites = {urlsplit(source.site).hostname for source in sources()}
    assert sites
    assert sites <= set(hosts("\n".join(lines)))
    assert any(line.startswith("https://") for line in lines[lines.index("journeyman-registry pip") :])


@needs_mmdebstrap
def test_unknown_images_and_additions(tmp_path: Path) -> None:
    for name, extras, says in (
        ("fedora", [], "not an image"),
        ("debian", ["games"], "office, tex"),
        ("debian-min", ["tex"], "Only"),
    ):
        with pytest.raises(ImageFailed, match=says):
            build(Images(tmp_path), name, extras, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_sources_of_this_machine() -> None:
    if shutil.which("apt-get") is None:
        pytest.skip("this machine has no apt")
    found = sources()
    assert found[0].release == found[0].codename or "-" not in found[0].release
    assert len({source.origin for source in found}) == 1


def test_sources_without_doubles_and_secrets() -> None:
    lines = [
        "https://mirror.test/debian-security|trixie-security|trixie-security|main|$(SIGNED_BY)|Debian",
        "https://user:hunter2@mirror.test/debian|trixie|trixie|main|/usr/share/keyrings/own.gpg|Debian",
        "https://user:hunter2@mirror.test/debian|trixie|trixie|main|/usr/share/keyrings/own.gpg|Debian",
        "file:/srv/own|own|own|main||Own",
        "broken",
    ]
    found = parse_sources("\n".join(lines))
    assert [source.release for source in found] == ["trixie", "trixie-security"]
    assert found[0].line() == "deb [signed-by=/usr/share/keyrings/own.gpg] https://mirror.test/debian trixie main"
    assert found[1] == Source(
        "https://mirror.test/debian-security", "trixie-security", "trixie-security", "main", "", "Debian"
    )


@needs_root
def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    images = Images(tmp_path)

    def fail(within: Namespace) -> Made:
        within.run(["sh", "-c", "touch rootfs/half; seq 40; exit 3"])
        raise AssertionError

    with pytest.raises(ProgramFailed) as caught:
        images.make("small", fail)
    assert str(caught.value).splitlines() == ["sh failed:", *map(str, range(26, 41))]
    assert [path.name for path in images.path.iterdir()] == [".small.lock"]


@needs_root
def test_many_who_want_it_make_it_once(tmp_path: Path) -> None:
    made: list[int] = []

    def fill(within: Namespace) -> Made:
        within.run(["sh", "-c", "echo x >rootfs/file"])
        made.append(1)
        return Made("test", "digest")

    found: list[Image] = []
    threads = [threading.Thread(target=lambda: found.append(Images(tmp_path).make("small", fill))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(found), len(set(found))) == (1, 8, 1)


_MAKER = """
import sys
from pathlib import Path
from journeyman.sandboxes.local.images import Images, Made
def fill(within):
    script = "mkfifo rootfs/half; echo here; exec sleep 1000 >rootfs/half"
    within.run(["sh", "-c", script], tell=lambda line: print(line, flush=True))
Images(Path(sys.argv[1])).make("small", fill)
"""


@needs_root
def test_a_killed_build_leaves_nothing_that_counts(tmp_path: Path) -> None:
    maker = subprocess.Popen([sys.executable, "-c", _MAKER, tmp_path], stdout=subprocess.PIPE, text=True)
    assert maker.stdout is not None
    assert maker.stdout.readline() == "here\n"
    images = Images(tmp_path)
    with (images.path / ".small.new/rootfs/half").open("rb") as half:
        maker.send_signal(signal.SIGKILL)
        assert half.read() == b""  # it ends when nothing of the build lives that could write to it
    maker.wait()
    assert (images.find("small"), images.all()) == (None, [])
    image = images.make("small", lambda _: Made("test", "digest"))
    assert list(image.rootfs.iterdir()) == []
    assert images.remove("small")
    assert not images.remove("small")
    assert [path.name for path in images.path.iterdir()] == [".small.lock"]


@needs_root
def test_programs_of_an_image_are_nobody_on_the_host(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    place = closed / "place"
    place.mkdir()
    os.chown(place, OWNER, OWNER)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    lines: list[str] = []
    script = f"id -u; pwd; env | grep -c JOURNEYMAN; cat {secret} 2>&1; touch made; kill -0 {os.getpid()} 2>&1; :"
    Namespace(owners(OWNER), place).run(["sh", "-c", script], tell=lines.append)
    assert lines[:3] == ["0", "/mnt", "0"]
    assert "ermission denied" in lines[3]
    assert (place / "made").stat().st_uid == OWNER
    assert "secret" not in lines


@contextmanager
def _users_place() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="images-"))
    os.chown(place, USER, USER)
    try:
        (place / "small.tar").write_bytes(tar([*smallest(), file("etc/motd", b"x", uid=7)]))
        yield place
    finally:
        shutil.rmtree(place)


def _as_user(place: Path) -> list[str]:
    command = [sys.executable, str(Path(__file__).with_name("image_user.py")), str(USER), place, place / "small.tar"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_root
def test_a_user_without_subordinate_ids_is_refused() -> None:
    with _users_place() as place:
        [line] = _as_user(place)
        assert line.startswith(
            f"refused An image's files need more than one user, and uid {USER} has no subordinate ids"
        )
        assert not (place / "images").exists()


@needs_root
def test_a_user_with_subordinate_ids() -> None:
    tables = [Path("/etc/subuid"), Path("/etc/subgid")]
    before = [table.read_text() for table in tables]
    passwd = Path("/etc/passwd")
    users = passwd.read_text()
    try:
        for table, text in zip(tables, before, strict=True):
            table.write_text(f"{text}journeyman-test:900000:65536\n")
        passwd.write_text(f"{users}journeyman-test:x:{USER}:{USER}::/:/bin/sh\n")
        with _users_place() as place:
            assert _as_user(place) == [f"made {USER} {900_000 + 6} 700", "removed True ['.small.lock']"]
    finally:
        for table, text in zip(tables, before, strict=True):
            table.write_text(text)
        passwd.write_text(users)
