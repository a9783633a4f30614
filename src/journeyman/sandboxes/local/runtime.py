"""Driving the OCI runtime: starting a container, setting the limits of its user namespace, removing it."""

import asyncio
import os
import shutil
from pathlib import Path

import orjson

from journeyman.sandboxes.local.bundle import Limits
from journeyman.sandboxes.port import SandboxUnavailable

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_VIEW = "/mnt"
"""Where the runtime sees the sandboxes' directory in its own mount namespace (root only)."""
_IN_PRIVATE_VIEW = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


class Runtime:
    """`runc` or a program with its command line."""

    def __init__(self, program: str, sandboxes: Path) -> None:
        self._program = program
        self._sandboxes = sandboxes

    @property
    def _private(self) -> bool:
        return os.geteuid() == 0 and not _is_plain(self._sandboxes)

    @property
    def view(self) -> str:
        """The sandboxes' directory as the runtime sees it.

        A mount of its own where a closed directory above ours could not be passed by the sandbox's user, or
        where the path has characters that mean something in mount options (root only).
        """
        return _VIEW if self._private else str(self._sandboxes)

    async def run(self, container: str, bundle: str, lock: int) -> int:
        """Start a detached container and return the pid of its first process. Raises SandboxUnavailable.

        The runtime holds the sandbox's `lock` too: when this server dies meanwhile, the next one waits for it to end.
        """
        log, pid_file = self._sandboxes / bundle / "log", self._sandboxes / bundle / "pid"
        log.unlink(missing_ok=True)
        here = f"{self.view}/{bundle}"
        command = [self.find(), "--root", f"{self.view}/rt", "--log", f"{here}/log", "--log-format", "json"]
        command += ["run", "--detach", "--bundle", here, "--pid-file", f"{here}/pid", container]
        if self._private:
            shell = ["/bin/sh", "-c", _IN_PRIVATE_VIEW, "sh", str(self._sandboxes), _VIEW]
            command = ["unshare", "--mount", "--propagation", "slave", "--", *shell, *command]
        code = await execute(command, lock)
        if code:
            raise SandboxUnavailable(f"{self._program} could not start the sandbox: {_last_error(log)}")
        return int(pid_file.read_text())

    async def delete(self, container: str, lock: int) -> None:
        """Kill what is left of it and remove its records and control groups. Idempotent; `lock` is held as by `run`."""
        if (self._sandboxes / "rt" / container).exists():
            root = str(self._sandboxes / "rt")
            await execute([self.find(), "--root", root, "delete", "--force", container], lock)
            shutil.rmtree(self._sandboxes / "rt" / container, ignore_errors=True)

    async def version(self) -> str:
        """The first line it says about itself. Raises SandboxUnavailable."""
        process = await asyncio.create_subprocess_exec(self.find(), "--version", stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        return output.decode(errors="replace").partition("\n")[0]

    def find(self) -> str:
        """The program's path. Raises SandboxUnavailable."""
        path = shutil.which(self._program, path=f"{os.defpath}:{_PATH}")
        if path is None:
            raise SandboxUnavailable(f"{self._program} is not installed. Install it: apt install {self._program}")
        return path


def _is_plain(path: Path) -> bool:
    """Whether every user can pass the directories above, and mount options can hold the path."""
    above = [each for each in path.parents if each.is_dir()]
    return all(each.stat().st_mode & 0o001 for each in above) and not set(str(path)) & set(",:\\")


async def limit_namespace(pid: int, limits: Limits) -> None:
    """Bound what a user namespace may take of resources the whole host shares. Raises SandboxUnavailable."""
    values = {
        "max_inotify_instances": limits.inotify_instances,
        "max_inotify_watches": limits.inotify_watches,
        "max_user_namespaces": 0,
        "max_fanotify_groups": 0,
    }
    script = " && ".join(f"echo {value} >/proc/sys/user/{name}" for name, value in values.items())
    # An ordinary user is the namespace's root already, and may not be able to set groups there.
    credentials = [] if os.geteuid() == 0 else ["--preserve-credentials"]
    command = ["nsenter", "--user", *credentials, "--target", str(pid), "--", "/bin/sh", "-c", script]
    code = await execute(command)
    if code:
        raise SandboxUnavailable(
            f"The limits of the sandbox's user namespace could not be set: nsenter answered {code}"
        )


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
        env={"PATH": _PATH},
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
