"""The sandbox port: environments, lifecycle, run, files, snapshots. Conformance: `sandboxes.conformance`, shipped.

A sandbox is named by its session's id. Every path is a path inside it. A call that has an effect carries a Run: its id
is the tool call's event id, and a run id seen before is never executed again: the provider answers what that run gave
(or waits for it when it is still going), also after the server was killed and started again.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from journeyman.egress.injection import Injection

MANAGERS = ("apt", "cargo", "gem", "go", "npm", "pip")
"""The package managers, in the order in which they run."""


@dataclass(frozen=True, slots=True)
class Network:
    """What a sandbox's programs may connect to; their own loopback always works."""

    mode: Literal["none", "limited", "unrestricted"] = "none"
    """`limited`: `hosts` and what the switch opens; `unrestricted`: every public host."""
    hosts: tuple[str, ...] = ()
    """Names, or `*.` and a name for all of its subdomains."""
    registries: bool = False
    """Also the hosts that the package managers of its base are configured to use."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a sandbox is like."""

    base: str | None = None
    """The name of an image; None leaves it to the provider's configuration."""
    packages: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Packages by manager, in the order of MANAGERS."""
    network: Network = field(default_factory=Network)
    variables: tuple[tuple[str, str], ...] = ()
    """Environment variables of its programs. None of those that a sandbox has anyway."""
    shares: tuple[tuple[str, str], ...] = ()
    """Directories that it can read and not change: the name that `share` fills it by, and the path."""


Kind = Literal[
    "out_of_memory",
    "too_many_processes",
    "disk_full",
    "egress_denied",
    "processes_lost",
    "variables_lost",
    "replaced",
]


class Incident(NamedTuple):
    """Something that a sandbox ran into; `detail` is a sentence for the model: what happened and what to do."""

    kind: Kind
    detail: str


class SandboxEvent(NamedTuple):
    """An incident, for those who watch all sandboxes."""

    sandbox: str
    incident: Incident


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
    incidents: tuple[Incident, ...] = ()
    """What the sandbox ran into meanwhile."""


class ExecResult(NamedTuple):
    """A one-shot program's result."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    truncated: bool
    incidents: tuple[Incident, ...] = ()
    """What the sandbox ran into meanwhile: memory, processes, disk. The next shell command tells it too, as jobs of a
    shell may have been the cause."""


class FileData(NamedTuple):
    """The bytes of a regular file, from `offset`, and its whole size in bytes."""

    data: bytes
    size: int
    sha256: str | None
    """Of the whole file, when all of it was read."""


class Entry(NamedTuple):
    """A regular file below a directory."""

    path: str
    """From that directory on."""
    size: int
    """Bytes."""
    changed: int
    """When its content last changed: nanoseconds since the epoch, which the sandbox can set as it likes."""


class Check(NamedTuple):
    """One finding of `doctor`; `fix` says exactly what to change."""

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    fix: str = ""


class SandboxInfo(NamedTuple):
    """A sandbox that exists. An `expired` one has nothing left but the memory that there was one."""

    id: str
    state: Literal["running", "stopped", "expired"]
    pid: int | None
    created: float = 0.0
    """Wall clock, seconds."""
    in_use: bool = False
    """A call goes on in it."""


class SandboxError(Exception):
    """A failure the model can act on; the message is written for it."""


class SandboxUnavailable(SandboxError):
    """The machine cannot run sandboxes; the message says exactly what to change."""


class EnvironmentFailed(SandboxError):
    """An environment could not be made ready; the message names the package manager and ends with its last lines."""


class UnknownSnapshot(SandboxError):
    """There is no such snapshot."""


class StaleRun(SandboxError):
    """The caller no longer owns the session."""


class UnknownOutcome(SandboxError):
    """An effect began, and whether it finished can no longer be known."""


class Environments(Protocol):
    async def prepare(self, spec: Spec) -> None:
        """Have the base and the packages of `spec` ready. Idempotent, single-flight; kept for later sandboxes.

        May take minutes the first time. Raises EnvironmentFailed, and SandboxUnavailable.
        """
        ...


class Lifecycle(Protocol):
    name: str

    async def doctor(self) -> list[Check]:
        """What this machine allows, with the fix for each failure."""
        ...

    async def create(self, sandbox: str, spec: Spec) -> None:
        """Say what a sandbox is like; starts nothing. A sandbox that nobody created is like `Spec()`.

        For one that exists already only the network changes, from its next connection on, and the variables, from the
        next shell on.
        """
        ...

    async def entrust(self, sandbox: str, injections: Sequence[Injection]) -> None:
        """What is put into its requests on their way out, from its next connection on, in the place of what was.

        It is kept in memory only, and never inside the sandbox: a new server has to say it again.
        """
        ...

    async def start(self, sandbox: str) -> None:
        """Make it if need be and have it running. Idempotent, single-flight. Raises SandboxUnavailable."""
        ...

    async def stop(self, sandbox: str) -> None:
        """End its processes, keep its files. Idempotent.

        Shells that were at rest are as they were when it is next used: directory, variables, functions.
        """
        ...

    async def share(self, sandbox: str, name: str, files: Mapping[str, bytes]) -> None:
        """Have exactly these files, by path, in one of the sandbox's shares, also while it runs."""
        ...

    async def announce(self, sandbox: str, incident: Incident) -> None:
        """Have the next result of a shell tell it. Makes the sandbox if need be, and starts nothing."""
        ...

    async def expire(self, sandbox: str) -> bool:
        """Destroy it unless it is in use; whether it went. The next result of a shell says that it is a new one."""
        ...

    async def inventory(self) -> list[SandboxInfo]:
        """What exists, running or not."""
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

    def events(self) -> AsyncIterator[SandboxEvent]:
        """What the sandboxes run into, from now on."""
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

    async def scan(self, sandbox: str, path: str, *, limit: int) -> list[Entry]:
        """The regular files below a directory, in the order of their paths; none when it is no directory."""
        ...

    async def recorded(self, sandbox: str, run: Run) -> str | None:
        """The note of a write that this run id already made (finished now if it had begun), None if it never began.

        Raises UnknownOutcome.
        """
        ...


class Snapshots(Protocol):
    async def snapshot(self, sandbox: str) -> str:
        """Stop a sandbox and keep its files as they are; the id of the snapshot.

        Takes the same time for any size, unless the provider says that it copies.
        """
        ...

    async def restore(self, snapshot: str, sandbox: str) -> None:
        """Make a sandbox (which must not exist) with the files of a snapshot, and what else it was like.

        Any number of sandboxes can come from one snapshot. Raises UnknownSnapshot.
        """
        ...

    async def remove_snapshot(self, snapshot: str) -> None:
        """Sandboxes made from it keep their files. Idempotent."""
        ...


class BaseImage(Protocol):
    """An image that sandboxes can be based on."""

    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str:
        """What it was made from, for people."""
        ...

    @property
    def created(self) -> str:
        """RFC 3339, UTC."""
        ...

    @property
    def size(self) -> int:
        """Bytes on disk."""
        ...


class BaseImages(Protocol):
    """The images of this machine. Calls block, for minutes where they make one; each raises SandboxError.

    `tell` is given lines of progress.
    """

    def find(self, name: str) -> BaseImage | None: ...
    def all(self) -> Sequence[BaseImage]: ...
    def build(self, name: str, extras: Sequence[str], tell: Callable[[str], None]) -> BaseImage:
        """`debian-min`, or `debian` with what `extras` add to it; at once when it is there."""
        ...

    def import_from(self, name: str, path: Path, tell: Callable[[str], None]) -> BaseImage:
        """From an OCI layout (directory or tar) or a tar of a root directory."""
        ...

    def remove(self, name: str) -> bool:
        """Whether there was one. Refused, naming them, while a sandbox, snapshot or layer stands on it."""
        ...


class Sandboxes(Environments, Lifecycle, Runner, Files, Snapshots, Protocol):
    """A provider: all in one."""
