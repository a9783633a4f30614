"""Driving the OCI runtime: starting a container, setting the limits of its user namespace, removing it."""

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from journeyman.sandboxes.local.bundle import OOM_SCORE
from journeyman.sandboxes.local.limits import Limits, limiting_script
from journeyman.sandboxes.local.mounts import apart, bind, bind_mapped, leave_host, user_namespace
from journeyman.sandboxes.local.population import HostPopulation, Population
from journeyman.sandboxes.local.processes import Frozen
from journeyman.sandboxes.port import Check, SandboxUnavailable

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_VIEW = "/mnt"
"""Where the runtime sees the sandboxes' directory in its own mount namespace (root only)."""
_FIRST_PROCESS = OOM_SCORE - 200


@dataclass(frozen=True, slots=True)
class Below:
    """A layer, and where the runtime is to see it (root only); `users` maps its owner to the sandbox's."""

    source: str
    target: str
    users: tuple[int, int, int] | None

    def mount(self) -> None:
        if self.users is None:
            bind(self.source, self.target)
            return
        namespace = user_namespace(*self.users)
        try:
            bind_mapped(self.source, self.target, namespace)
        finally:
            os.close(namespace)


class Runtime:
    """`runc` or a program with its command line."""

    options: tuple[str, ...] = ()
    own_kernel = False
    """Whether sandboxes have another kernel than the host."""

    def __init__(self, program: str, sandboxes: Path) -> None:
        self._program = program
        self._sandboxes = sandboxes

    @property
    def view(self) -> str:
        """The sandboxes' directory as the runtime sees it: as root a mount of its own.

        So a closed directory above ours is none for the sandbox's user, no path of the host is seen from inside, and
        layers can be mounted with their owners changed.
        """
        return _VIEW if os.geteuid() == 0 else str(self._sandboxes)

    @property
    def advice(self) -> str:
        """How to get it."""
        return f"Install it: apt install {self._program}"

    @property
    def records(self) -> str:
        """Where it keeps what it knows of its containers, as it is started."""
        return f"{self.view}/rt"

    def adapt(self, bundle: Path) -> None:
        """Change a bundle's configuration into what this runtime can do. In the namespace in which it will run."""

    def holding(self, command: list[str], lock: int) -> list[str]:  # noqa: ARG002
        """The command, so that nothing it leaves running has the descriptor `lock`."""
        return command

    async def run(
        self, container: str, bundle: str, lock: int, limits: Limits, prepare: Callable[[], Sequence[Below]]
    ) -> int:
        """Start a detached container and return the pid of its first process. Raises SandboxUnavailable.

        `prepare` makes the bundle, in a thread that has left the host's mounts, and says what layers are to be seen.
        The runtime holds the sandbox's `lock` too: when this server dies meanwhile, the next one waits for it to end.
        """
        log, pid_file = self._sandboxes / bundle / "log", self._sandboxes / bundle / "pid"
        for path in (log, log.with_name(".pid")):  # the latter of a runtime that was killed: it would refuse
            path.unlink(missing_ok=True)
        here = f"{self.view}/{bundle}"
        command = [self.find(), "--root", self.records, "--log", f"{here}/log", "--log-format", "json", *self.options]
        command += ["run", "--detach", "--bundle", here, "--pid-file", f"{here}/pid", container]
        # What holds of the maker of a user namespace holds of all in it together, whatever users they become.
        command = ["prlimit", f"--sigpending={limits.signals}", "--msgqueue=819200", "--", *command]
        held = os.dup(lock)
        try:
            code = await apart(lambda: self._run(command, self._sandboxes / bundle, held, prepare))
        except OSError as error:
            raise SandboxUnavailable(f"The sandbox's files could not be mounted: {error.strerror}") from None
        if code:
            raise SandboxUnavailable(f"{self._program} could not start the sandbox: {_last_error(log)}")
        return int(pid_file.read_text())

    def _run(self, command: list[str], bundle: Path, lock: int, prepare: Callable[[], Sequence[Below]]) -> int:
        try:
            leave_host()
            below = prepare()
            if os.geteuid() == 0:
                for each in below:
                    each.mount()
                bind(str(self._sandboxes), _VIEW)
            self.adapt(bundle)
            return subprocess.run(
                self.holding(command, lock),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env={"PATH": PATH}, cwd="/", pass_fds=(lock,), check=False,
            ).returncode  # fmt: skip
        finally:
            os.close(lock)

    async def delete(self, container: str, lock: int) -> None:
        """Kill what is left of it and remove its records and control groups. Idempotent; `lock` is held as by `run`."""
        if self.knows(container):
            root = str(self._sandboxes / "rt")
            await execute([self.find(), "--root", root, *self.options, "delete", "--force", container], lock)
        self.forget(container)

    def knows(self, container: str) -> bool:
        """Whether there are records of it."""
        return (self._sandboxes / "rt" / container).exists()

    def containers(self) -> set[str]:
        """Those of which there are records, also of another runtime that was used before."""
        return {path.name.partition("_")[0] for path in (self._sandboxes / "rt").glob("*")}

    def forget(self, container: str) -> None:
        """Remove its records, whichever runtime's they are. Idempotent."""
        rt = self._sandboxes / "rt"
        shutil.rmtree(rt / container, ignore_errors=True)
        for path in (*rt.glob(f"{container}_*"), rt / f"runsc-{container}.sock"):
            path.unlink(missing_ok=True)

    def population(self, container: str, init: int, frozen: Frozen) -> Population:  # noqa: ARG002
        """The processes of a container that runs. Raises SandboxUnavailable."""
        return HostPopulation(init, frozen)

    async def version(self) -> str:
        """The first line it says about itself. Raises SandboxUnavailable."""
        process = await asyncio.create_subprocess_exec(self.find(), "--version", stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        return output.decode(errors="replace").partition("\n")[0]

    async def check(self) -> Check:
        """Whether it is there and new enough."""
        try:
            version = await self.version()
        except SandboxUnavailable as error:
            return Check("runtime", "fail", str(error), "Install it: apt install runc")
        found = re.search(r"(\d+)\.(\d+)", version)
        if "runc" in version and found and (int(found[1]), int(found[2])) < (1, 1):
            return Check("runtime", "fail", f"{version} is too old.", "Install runc 1.1 or later.")
        return Check("runtime", "ok", version)

    def find(self) -> str:
        """The program's path. Raises SandboxUnavailable."""
        path = shutil.which(self._program, path=f"{os.defpath}:{PATH}")
        if path is None:
            raise SandboxUnavailable(f"{self._program} is not installed. {self.advice}")
        return path


async def limit_namespace(pid: int, limits: Limits) -> None:
    """Bound what the user namespace of a container that runs may take of what the whole host shares.

    Raises SandboxUnavailable.
    """
    spare(pid)
    script = limiting_script(limits)
    # An ordinary user is the namespace's root already, and may not be able to set groups there.
    credentials = [] if os.geteuid() == 0 else ["--preserve-credentials"]
    command = ["nsenter", "--user", "--ipc", *credentials, "--target", str(pid), "--", "/bin/sh", "-c", script]
    code = await execute(command)
    if code:
        raise SandboxUnavailable(
            f"The limits of the sandbox's user namespace could not be set: nsenter answered {code}"
        )


def spare(first: int) -> None:
    """Let the first process be the last of its sandbox that is killed for want of memory."""
    with contextlib.suppress(OSError):
        Path("/proc", str(first), "oom_score_adj").write_text(str(_FIRST_PROCESS))


async def remove_as_mapped_root(path: Path) -> None:
    """Remove files of subordinate users, as the root of a user namespace that has them all."""
    command = ["unshare", "--user", "--map-root-user", "--map-auto", "--", "rm", "-rf", "--one-file-system", str(path)]
    code = await execute(command)
    if code:
        await execute([word for word in command if word != "--map-auto"])


async def execute(command: list[str], *kept: int) -> int:
    """The exit code. The container's first process inherits environment and descriptors, so it gets none of ours.

    The descriptors `kept` are the runtime's alone: it closes them before the container's first program.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": PATH},
        cwd="/",
        pass_fds=kept,
    )
    return await process.wait()


def _last_error(log: Path) -> str:
    try:
        lines = log.read_text().splitlines()
        message = orjson.loads(lines[-1])["msg"]
    except (OSError, IndexError, KeyError, orjson.JSONDecodeError):
        return "it gave no reason"
    return str(message)
