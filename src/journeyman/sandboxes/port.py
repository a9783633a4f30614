"""The sandbox port: lifecycle, run, files. Conformance: `journeyman.sandboxes.conformance`, shipped.

A sandbox is named by its session's id. Every path is a path inside it. A call that has an effect carries a Run: its id
is the tool call's event id, and a run id seen before is never executed again: the provider answers what that run gave
(or waits for it when it is still going), also after the server was killed and started again.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Run:
    """The key of one effect. A run whose fence is lower than the sandbox has seen is refused (StaleRun)."""

    id: str
    fence: int = 0


class ShellResult(NamedTuple):
    """What a shell command gave. `exit_code` is None when it was cut (timeout, cancel, lost shell)."""

    output: bytes
    """stdout and stderr as they came, at most `output_limit` bytes (head and tail kept)."""
    exit_code: int | None
    total_bytes: int
    """How much it wrote in all; larger than len(output) when it was cut."""
    timed_out: bool = False
    cancelled: bool = False
    restarted: bool = False
    """The shell was lost (exit, kill) and has been started anew: cwd, variables and jobs are gone."""


class ExecResult(NamedTuple):
    """A one-shot program's result."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    truncated: bool


class FileData(NamedTuple):
    """The bytes of a regular file, from `offset`, and its whole size in bytes."""

    data: bytes
    size: int
    sha256: str | None
    """Of the whole file, when all of it was read."""


class Check(NamedTuple):
    """One finding of `doctor`; `fix` says exactly what to change."""

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    fix: str = ""


class SandboxInfo(NamedTuple):
    id: str
    state: Literal["running", "stopped"]
    pid: int | None


class SandboxError(Exception):
    """A failure the model can act on; the message is written for it."""


class SandboxUnavailable(SandboxError):
    """The machine cannot run sandboxes; the message says exactly what to change."""


class StaleRun(SandboxError):
    """The caller no longer owns the session."""


class UnknownOutcome(SandboxError):
    """An effect began, and whether it finished can no longer be known."""


class Lifecycle(Protocol):
    name: str

    async def doctor(self) -> list[Check]:
        """What this machine allows, with the fix for each failure."""
        ...

    async def start(self, sandbox: str) -> None:
        """Make it if need be and have it running. Idempotent, single-flight. Raises SandboxUnavailable."""
        ...

    async def stop(self, sandbox: str) -> None:
        """End its processes, keep its files. Idempotent."""
        ...

    async def destroy(self, sandbox: str) -> None:
        """Remove it without a trace. Idempotent."""
        ...

    async def recover(self) -> list[SandboxInfo]:
        """After a server's death: reconcile the disk with the living processes; what is found runs on."""
        ...

    async def close(self) -> None:
        """Let go of the sandboxes without ending them."""
        ...


class Runner(Protocol):
    async def shell(
        self, sandbox: str, script: str, *, run: Run, timeout: float, output_limit: int, shell: str = "main"
    ) -> ShellResult:
        """Run a script in the persistent bash `shell` (cwd, variables and jobs are kept); starts the sandbox.

        Cancelling the awaiting task cancels the run within a second. `timeout` is in seconds.
        """
        ...

    async def restart_shell(self, sandbox: str, *, run: Run, shell: str = "main") -> None:
        """A fresh bash at the working directory."""
        ...

    async def exec(
        self,
        sandbox: str,
        argv: list[str],
        *,
        cwd: str = "/workspace",
        stdin: bytes = b"",
        timeout: float = 60.0,
        output_limit: int = 1_000_000,
    ) -> ExecResult:
        """A one-shot program without effects worth keying (rg, find). Raises SandboxError on timeout."""
        ...


class Files(Protocol):
    async def read(self, sandbox: str, path: str, *, offset: int = 0, limit: int) -> FileData:
        """At most `limit` bytes of a regular file.

        Raises FileNotFoundError, IsADirectoryError, PermissionError or SandboxError.
        """
        ...

    async def write(
        self, sandbox: str, path: str, data: bytes, *, run: Run, note: str, if_sha256: str | None = None
    ) -> str:
        """Write a whole file atomically, making parents; returns `note`, which is what a repeated run answers.

        With `if_sha256` the old content must have that hash, else SandboxError. Keeps the old file's mode.
        """
        ...

    async def recorded(self, sandbox: str, run: Run) -> str | None:
        """The note of a write that this run id already made (finished now if it had begun), None if it never began.

        Raises UnknownOutcome.
        """
        ...


class Sandboxes(Lifecycle, Runner, Files, Protocol):
    """A provider: all three in one."""
