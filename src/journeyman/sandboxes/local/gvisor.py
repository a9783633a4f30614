"""gVisor (`runsc`) as the OCI runtime: its own kernel, in a process of the host, between a sandbox and the machine."""

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, cast

import orjson

from journeyman.sandboxes.local.bundle import IO
from journeyman.sandboxes.local.mounts import mount_device
from journeyman.sandboxes.local.population import Population
from journeyman.sandboxes.local.processes import Frozen, Victims, ticks_now
from journeyman.sandboxes.local.runtime import PATH, Runtime
from journeyman.sandboxes.port import SandboxUnavailable

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
    "--ignore-cgroups",
]
_PATIENCE = 5.0
_MERGED = "merged"


def is_gvisor(program: str) -> bool:
    return Path(program).name == PROGRAM


class Gvisor(Runtime):
    """The bundle is the one that runc is given; here it is changed into what gVisor can do."""

    options = tuple(_FLAGS)

    @property
    def records(self) -> str:
        # Found again from outside of the namespace in which it was started.
        return str(self._sandboxes / "rt")

    def adapt(self, bundle: Path) -> None:
        file = bundle / "config.json"
        oci = orjson.loads(file.read_bytes())
        file.write_bytes(orjson.dumps(adapted(oci, f"{self.view}/{bundle.name}")))

    def knows(self, container: str) -> bool:
        return any(Path(self.records).glob(f"{container}_*"))

    def containers(self) -> set[str]:
        return {path.name.partition("_")[0] for path in Path(self.records).glob("*.state")}

    def forget(self, container: str) -> None:
        for pattern in (f"{container}_*", f"runsc-{container}.sock"):
            for path in Path(self.records).glob(pattern):
                path.unlink(missing_ok=True)

    def population(self, container: str, init: int, frozen: Frozen) -> Population:
        return GvisorPopulation(self, container, init)

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


class GvisorPopulation:
    """Processes that only gVisor's kernel sees: a script beside them finds and ends them."""

    def __init__(self, runtime: Gvisor, container: str, init: int) -> None:
        self._runtime = runtime
        self._container = container
        self._init = init
        self.pulse = (0.05, 0.5)
        self.sees_files = False
        self.root = Path("/proc", str(runtime.gofer(container)), "root")

    def shell(self, name: str) -> int | None:
        return None

    def kill_run(self, run: Victims) -> None:
        began = time.time() - (ticks_now() - run.since) / os.sysconf("SC_CLK_TCK")
        self._reap("run", run.shell, run.token, str(int(began * 1_000_000)))

    def kill_shell(self, name: str) -> None:
        self._reap("shell", name)

    def kill_execution(self, token: str) -> bool:
        return self._reap("exec", "-", token).strip() != "0"

    def kill_jobs(self) -> None:
        self._reap("jobs")

    def left_behind(self) -> set[str]:
        return set(self._reap("left").split())

    def _reap(self, *words: str) -> str:
        try:
            return self._runtime.ask(self._container, ["/bin/bash", "--norc", "--noprofile", f"{IO}/reap", *words], _PATIENCE)
        except SandboxUnavailable:
            # It was kept from it, from inside or for want of room: only a new start helps.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._init, signal.SIGKILL)
            return ""


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
    linux = {key: value for key, value in oci["linux"].items() if key not in {"seccomp", "maskedPaths", "readonlyPaths"}}
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
