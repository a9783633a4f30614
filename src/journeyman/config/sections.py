"""The sections of the configuration, each with what its values may be."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ServerSection(_Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    data_dir: Path = Path("~/.journeyman")
    """Database, sandboxes and the first API key."""
    api_keys: list[str] = []
    """None: one is made on the first start, kept in data_dir and printed."""
    drain_seconds: int = Field(default=5, ge=0)
    """How long answers under way may still take when the server stops."""
    rate_limit_creates: int = Field(default=60, ge=0)
    """A minute and key; 0 is no limit."""
    rate_limit_reads: int = Field(default=600, ge=0)
    """A minute and key; 0 is no limit."""


class FilesSection(_Section):
    quota_gb: float = Field(default=1024, ge=0)
    """Of a workspace's files; 0 is no limit."""


class VaultsSection(_Section):
    keys: list[str] = []
    """Master keys of vaults' secrets, 32 bytes in base64 each: the first seals what is new, all open what is old. None:
    those in `vault.keys` in data_dir, which is made on the first start. Machines of one database need the same."""


class RepositoriesSection(_Section):
    hosts: list[str] = ["github.com"]
    """Where repositories of sessions may be: names, reached by https, or origins such as http://git.internal:3000."""


class BlobsSection(_Section):
    """Where files are kept, and what sandboxes are kept as for other machines."""

    url: str | None = None
    """file:///… (a directory that all machines have), or s3://bucket/prefix; None is `blobs` in data_dir."""
    endpoint: str | None = None
    """Of a store that speaks S3 and is not AWS."""
    region: str = "us-east-1"
    access_key: str | None = None
    access_key_env: str | None = None
    secret_key: str | None = None
    secret_key_env: str | None = None

    @model_validator(mode="after")
    def _known_scheme(self) -> Self:
        if self.url is not None and not re.match(r"file:///|s3://[^/]", self.url):
            raise ValueError("url: expected file:///DIRECTORY or s3://BUCKET/PREFIX")
        return self


class DatabaseSection(_Section):
    url: str | None = None
    """sqlite:///… or postgresql://…; None is SQLite in data_dir."""


_TIMEOUTS = frozenset({"connect_timeout", "idle_timeout"})
_OPTIONS = {
    "anthropic": _TIMEOUTS | {"proxy"},
    "openai": _TIMEOUTS,
    "scripted": frozenset({"script", "ttft", "gap"}),
}


class ModelSection(_Section):
    match: str
    """A model id, or a pattern with * and ?."""
    protocol: Literal["anthropic", "openai", "scripted"]
    base_url: str | None = None
    api_key: str | None = None
    api_key_env: str | None = None
    """The variable that holds the key."""
    ids: list[str] = []
    """Listed even when the provider does not list them."""
    context_window: int | None = Field(default=None, gt=0)
    """Tokens."""
    max_output: int | None = Field(default=None, gt=0)
    """Tokens."""
    options: dict[str, Any] = {}
    """For the adapter: timeouts in seconds, a scripted model's script and pace."""

    @model_validator(mode="after")
    def _known_options(self) -> Self:
        unknown = sorted(set(self.options) - _OPTIONS[self.protocol])
        if unknown:
            raise ValueError(f"options: {self.protocol} has no {', '.join(unknown)}")
        if self.options.get("script", "demo") not in ("demo", "lines", "judge"):
            raise ValueError('options.script: expected "demo", "lines" or "judge"')
        return self


class DockerSection(_Section):
    socket: str = "/var/run/docker.sock"
    """Of a container engine on this machine: Docker's, or podman's (/run/podman/podman.sock)."""


class SandboxSection(_Section):
    provider: Literal["local", "docker"] = "local"
    base: str | None = None
    """What sandboxes have installed: `host`, the machine's own /usr (local only), or an image. None: `host`; with
    docker `debian-min`."""
    docker: DockerSection = DockerSection()
    runtime: str = "runc"
    """runc, or runsc (gVisor), or another OCI runtime with runc's command line."""
    idle_stop_seconds: float = Field(default=900, gt=0)
    """A sandbox that has rested so long is stopped; its files are kept, and its shells as they are."""
    idle_cap_seconds: float = Field(default=6 * 3600, gt=0)
    """The same for one in which processes that the agent left still run."""
    expire_days: float = Field(default=30, gt=0)
    """A sandbox so old is removed when it is at rest; its session gets a new one, without the files."""
    memory_gb: float = Field(default=8, gt=0)
    cpus: float = Field(default=2, gt=0)
    """Processors' worth of time."""
    processes: int = Field(default=512, ge=32)
    """And threads."""
    disk_gb: float = Field(default=10, gt=0)
    free_disk_gb: float = Field(default=1, ge=0)
    """With less left on the machine, commands that write are stopped."""
    own_disks: bool = True
    """Where root runs the server, a sandbox has a filesystem of its own, through a loop device; else its disk is
    watched."""
    carry_mb: int = Field(default=1024, ge=0)
    """With many machines and `blobs.url`: workspaces of at most so much (packed) are kept for the others; 0: none."""
    open_files: int = Field(default=65_536, ge=256)
    """Of one process."""
    inotify_instances: int = Field(default=24, ge=1)
    inotify_watches: int = Field(default=16_384, ge=1)

    @model_validator(mode="after")
    def _base_of_the_provider(self) -> Self:
        if self.provider == "docker" and self.base == "host":
            raise ValueError('base: "host" is for the local provider; with docker it is the name of an image')
        return self


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def _seconds(value: object) -> object:
    found = re.fullmatch(r"([\d.]+) ?([smhd])", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('expected a number with s, m, h or d, as in "30d"')
    return float(found[1]) * _UNITS[found[2]]


_Age = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]


class RetentionSection(_Section):
    archived_sessions: _Age | None = None
    """A session archived so long ago is removed with its events. None: it is kept."""
    memory_versions: _Age = 30 * 86_400.0
    """A version of a memory that is not its last is removed after so long."""
    sandboxes_idle: _Age | None = None
    """The sandbox of a session in which nothing happened for so long is removed with its files. None: it is kept."""


class DreamsSection(_Section):
    at_once: int = Field(default=4, ge=0)
    """Dreams of a workspace that run at a time; others wait, pending. 0 is no limit."""
    timeout: _Age = 86_400.0
    """A dream that runs for longer fails."""


class EgressSection(_Section):
    allow_private: list[str] = []
    """Hosts or networks that may be reached although they are private."""
    ca_file: Path | None = None
    """PEM: authorities trusted besides the system's, where a credential is put into a request inside TLS."""


class SearchSection(_Section):
    provider: Literal["brave", "tavily", "searxng"] | None = None
    api_key: str | None = None
    api_key_env: str | None = None
    base_url: str | None = None


class PermissionsSection(_Section):
    """Of tools with the policy `auto`."""

    judge_model: str | None = None
    """Which model is asked about calls that rules do not decide; a cheap one will do. None: such calls ask."""
    judge_seconds: float = Field(default=20.0, gt=0)
    """For all calls of one answer; those that are not judged by then ask."""


class LogSection(_Section):
    format: Literal["auto", "json", "console"] = "auto"
    """auto: for people on a terminal, else JSON."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """Of Journeyman's own loggers; of libraries only warnings are shown."""
    requests: bool = False
    """A line for each request."""


class MetricsSection(_Section):
    """Prometheus."""

    enabled: bool = False
    """`GET /metrics` on the server's own address; of a worker on the one below."""
    token: str | None = None
    """Who reads must bear it: `Authorization: Bearer …`."""
    token_env: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=9464, ge=0, le=65535)
    """Where a `worker` answers `GET /metrics`."""


class TracesSection(_Section):
    """OpenTelemetry; needs the extra `otel`."""

    endpoint: str | None = None
    """Of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318; None: no traces."""
    headers: dict[str, str] = {}


class RetrySection(_Section):
    max_retries: int = Field(default=6, ge=0)
    """How often a failed model request is repeated before the turn ends."""
    backoff_base: float = Field(default=1.0, gt=0)
    """Seconds before the first retry; doubled each time."""
    backoff_cap: float = Field(default=60.0, gt=0)
    """Seconds."""
    retry_after_cap: float = Field(default=600.0, gt=0)
    """Seconds: the longest wait that a provider can ask for."""


class OutcomesSection(_Section):
    """Grading the work towards an outcome."""

    evaluation_requests: int = Field(default=30, ge=1)
    """Of the grader's in one evaluation; without a verdict by then it has failed."""
    evaluation_heartbeat: float = Field(default=10.0, gt=0)
    """Seconds between the signs of life of an evaluation."""


class LimitsSection(_Section):
    """What a process does at once; who waits is served in turn, by workspace and session. 0 is no limit."""

    model_requests: int = Field(default=512, ge=0)
    model_requests_per_workspace: int = Field(default=0, ge=0)
    tool_runs: int = Field(default=128, ge=0)
    tool_runs_per_workspace: int = Field(default=0, ge=0)
