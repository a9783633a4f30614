"""gVisor (`runsc`) as the OCI runtime: its own kernel, in a process of the host, between a sandbox and the machine."""

import asyncio
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import orjson

from journeyman.egress.kernel import enter, loopback_up
from journeyman.sandboxes.local.bundle import IO
from journeyman.sandboxes.local.gvisorpopulation import GvisorPopulation
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.mounts import apart, mount_device
from journeyman.sandboxes.local.population import Population
from journeyman.sandboxes.local.processes import Frozen
from journeyman.sandboxes.local.remains import clear, groups
from journeyman.sandboxes.local.runtime import PATH, Below, Runtime
from journeyman.sandboxes.port import Check, SandboxUnavailable

PROGRAM = "runsc"
OLDEST = 20240729
"""The first release that was tried and works; older ones do not see what the server writes to their named pipes."""
_FLAGS = [
    "--platform=systrap",
    # Its sockets are the kernel's, in the sandbox's own network namespace: so it has the same way out as any other.
    "--network=host",
    # The server reads and writes the same files, and talks through named pipes.
    "--file-access=shared",
    "--overlay2=none",
    "--host-fifo=open",
    "--host-uds=all",
    # Else a named pipe that the host made blocks the thread of gVisor that reads it, whatever signal comes.
    "--directfs=false",
]
_OWN_THREADS, _THREADS = 96, 2
"""Threads of the host: of gVisor itself, and about as many for each process inside."""
_OF_THE_HOST = frozenset({"seccomp", "maskedPaths", "readonlyPaths"})
_MERGED = "merged"


def is_gvisor(program: str) -> bool:
    return Path(program).name == PROGRAM


_HOW = (
    f"Install gVisor of {OLDEST} or later as {PROGRAM}: Debian 13 and later have it as the package runsc (that of "
    "Debian 12 is too old); elsewhere take the program that the gVisor project releases."
)


class Gvisor(Runtime):
    """The bundle is the one that runc is given; here it is changed into what gVisor can do."""

    options = tuple(_FLAGS)
    own_kernel = True

    @property
    def advice(self) -> str:
        return _HOW

    @property
    def records(self) -> str:
        # Found again from outside of the namespace in which it was started.
        return str(self._sandboxes / "rt")

    def adapt(self, bundle: Path) -> None:
        file = bundle / "config.json"
        oci = orjson.loads(file.read_bytes())
        file.write_bytes(orjson.dumps(adapted(oci, f"{self.view}/{bundle.name}")))

    async def run(
        self, container: str, bundle: str, lock: int, limits: Limits, prepare: Callable[[], Sequence[Below]]
    ) -> int:
        pid = await super().run(container, bundle, lock, limits, prepare)

        def bring_up() -> None:  # which runc does by itself
            namespace = os.pidfd_open(pid)
            try:
                enter(namespace)
            finally:
                os.close(namespace)
            loopback_up()

        try:
            await apart(bring_up)
        except OSError as error:
            raise SandboxUnavailable(f"The sandbox's loopback could not be brought up: {error.strerror}") from None
        return pid

    async def delete(self, container: str, lock: int) -> None:
        if not groups(container):
            await super().delete(container, lock)
            return
        # All of it is in them; what `runsc delete` does besides is to wait until init has buried the dead.
        await asyncio.to_thread(clear, container)
        self.forget(container)

    def knows(self, container: str) -> bool:
        return any(Path(self.records).glob(f"{container}_*"))

    async def check(self) -> Check:
        try:
            version = await self.version()
        except SandboxUnavailable as error:
            return Check("runtime", "fail", str(error))
        if release(version) < OLDEST:
            return Check("runtime", "fail", f"{version} is too old for sandboxes, or does not say its release.", _HOW)
        if os.geteuid() != 0:
            detail = "gVisor's sandboxes need a server that runs as root: their overlays are mounted outside of them."
            return Check("runtime", "fail", detail, 'Run the server as root, or choose runtime = "runc".')
        return Check("runtime", "ok", f"{version}: sandboxes have a kernel of their own.")

    def population(self, container: str, init: int, frozen: Frozen) -> Population:  # noqa: ARG002 - it has no use for it
        return GvisorPopulation(partial(self.ask, container), init, self.gofer(container))

    def holding(self, command: list[str], lock: int) -> list[str]:
        return ["bash", "-c", f'"$@" {lock}>&-', "bash", *command]

    def gofer(self, container: str) -> int:
        """The pid of the process that has the sandbox's files as its root. Raises SandboxUnavailable."""
        try:
            [path] = Path(self.records).glob(f"{container}_*.state")
            return int(orjson.loads(path.read_bytes())["goferPid"])
        except (ValueError, KeyError, OSError):
            raise SandboxUnavailable("gVisor has no records of the sandbox.") from None

    def ask(self, container: str, words: list[str], patience: float) -> str:
        """What a program prints that is run in a sandbox, beside its own. Raises SandboxUnavailable."""
        command = [self.find(), "--root", self.records, *self.options, "exec", container, *words]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env={"PATH": PATH}, cwd="/", timeout=patience, check=True,
            )  # fmt: skip
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise SandboxUnavailable(f"gVisor could not run a program in the sandbox: {error}") from None
        return done.stdout.decode(errors="replace")


def release(version: str) -> int:
    """The date in what it says about itself, as a number; 0 where it says none."""
    found = re.search(r"\b(20\d{6})\b", version)
    return int(found[1]) if found else 0


def adapted(oci: dict[str, Any], here: str) -> dict[str, Any]:
    """The configuration without what gVisor has no use for. Mounts its overlays, which it cannot: below `here`.

    In a thread that has left the host's mounts. Raises OSError.
    """
    mounts = [_shown(each, here) for each in oci["mounts"]]
    # Else it would put a memory of its own there, which the server cannot read.
    mounts.append(_bind("/tmp", f"{oci['root']['path']}/tmp", ["nosuid", "nodev"]))
    linux = {key: value for key, value in oci["linux"].items() if key not in _OF_THE_HOST}
    pids = linux.get("resources", {}).get("pids")
    if pids:
        pids["limit"] = _OWN_THREADS + _THREADS * pids["limit"]
    return {key: value for key, value in oci.items() if key != "hooks"} | {"mounts": mounts, "linux": linux}


def _shown(mount: dict[str, Any], here: str) -> dict[str, Any]:
    if mount["destination"] == IO:
        # On a mount that is read-only it lets nobody write to a named pipe. All else there is not the sandbox's to
        # change: it is of a user of the host that the sandbox has not.
        return mount | {"options": [each for each in mount["options"] if each != "ro"]}
    if mount["type"] != "overlay":
        return mount
    target = f"{here}/{_MERGED}{mount['destination']}"
    os.makedirs(target, exist_ok=True)  # noqa: PTH103
    options = [each for each in cast("list[str]", mount["options"]) if "=" in each or each == "userxattr"]
    mount_device("overlay", target, "overlay", ",".join(options))
    return _bind(mount["destination"], target, ["nosuid", "nodev"])


def _bind(destination: str, source: str, options: list[str]) -> dict[str, Any]:
    return {"destination": destination, "type": "bind", "source": source, "options": ["rbind", *options]}
