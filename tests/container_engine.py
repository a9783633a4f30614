"""A container engine for tests: podman's service with a storage of its own, which ends with the tests."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from machine_image import write_image

IMAGE = "machine"
"""A small image that the engine has."""
_CONFIGURATION = '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'


class Podman:
    def __init__(self, place: Path) -> None:
        self.place = place
        self.socket = str(place / "socket")
        self._service: subprocess.Popen[bytes] | None = None
        (place / "containers.conf").write_text(_CONFIGURATION)

    def run(self, *words: str) -> str:
        """What a command of podman's says."""
        done = subprocess.run(self._command(*words), env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        command = self._command("system", "service", "--time=0", f"unix://{self.socket}")
        with (self.place / "log").open("ab") as log:
            # Its monitors of containers leave files in their working directory.
            self._service = subprocess.Popen(command, env=self._environment, cwd=self.place, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not Path(self.socket).exists():
            assert self._service.poll() is None and time.monotonic() < deadline, (self.place / "log").read_text()
            time.sleep(0.02)

    def end(self) -> None:
        if self._service is not None:
            self._service.terminate()
            self._service.wait()
            Path(self.socket).unlink(missing_ok=True)

    def containers(self) -> list[str]:
        return self.run("ps", "--all", "--format", "{{.Names}}").split()

    def images(self) -> list[str]:
        return self.run("images", "--format", "{{.Repository}}:{{.Tag}}").split()

    def _command(self, *words: str) -> list[str]:
        places = [f"--{name}={self.place / name}" for name in ("root", "runroot", "tmpdir")]
        return ["podman", *places, "--cgroup-manager=cgroupfs", *words]

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.place),
            "CONTAINERS_CONF": str(self.place / "containers.conf"),
        }


@contextlib.contextmanager
def podman(place: Path) -> Iterator[Podman]:
    """With the small image, and nothing else when it ends."""
    with empty_podman(place) as engine:
        archive = place / "image.tar"
        write_image(archive)
        engine.run("import", "--quiet", str(archive), f"docker.io/journeyman/{IMAGE}:latest")
        archive.unlink()
        yield engine
        assert engine.containers() == []
        assert engine.images() == [f"docker.io/journeyman/{IMAGE}:latest"]


@contextlib.contextmanager
def empty_podman(place: Path) -> Iterator[Podman]:
    engine = Podman(place)
    before = _groups()
    engine.start()
    try:
        yield engine
    finally:
        engine.run("rm", "--force", "--all")
        engine.end()
        for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            if line.split()[4].startswith(f"{place}/"):
                subprocess.run(["umount", line.split()[4]], check=False)
        shutil.rmtree(place)
        for group in _groups() - before:
            for folder, _, _ in os.walk(group, topdown=False):
                Path(folder).rmdir()


def _groups() -> set[Path]:
    return set(Path("/sys/fs/cgroup").glob("*/libpod_parent")) | set(Path("/sys/fs/cgroup").glob("libpod_parent"))
