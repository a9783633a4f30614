"""The OCI configuration of a sandbox."""

from dataclasses import dataclass
from typing import Any

from journeyman.sandboxes.local.cgroups import Cgroups
from journeyman.sandboxes.local.identity import IdMap
from journeyman.sandboxes.local.layers import Overlay
from journeyman.sandboxes.local.limits import Limits, limiting_script, rlimits
from journeyman.sandboxes.local.seccomp import profile

IO = "/run/journeyman"
"""Where the sandbox finds the named pipes it talks through."""

PROGRAM = ["/bin/bash", "--noprofile", "--norc", f"{IO}/init"]
"""The first process."""
OOM_SCORE = 500
"""Of everything in a sandbox: when the whole machine's memory runs out, it goes before the server."""
CAPABILITIES = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
]
MASKED = [  # below /proc, as the next
    "acpi",
    "asound",
    "bootconfig",
    "cmdline",
    "config.gz",
    "interrupts",
    "iomem",
    "ioports",
    "kallsyms",
    "kcore",
    "key-users",
    "keys",
    "kmsg",
    "latency_stats",
    "modules",
    "sched_debug",
    "scsi",
    "swaps",
    "timer_list",
    "timer_stats",
    "vmallocinfo",
]
READ_ONLY = ["bus", "driver", "fs", "irq", "sys", "sysrq-trigger", "tty"]
_CA_VARIABLES = (
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "AWS_CA_BUNDLE",
    "DENO_CERT",
)
"""Where the common runtimes look for the authorities they trust."""
_ENVIRONMENT = {
    "PATH": "/opt/venv/bin:/opt/npm/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "VIRTUAL_ENV": "/opt/venv",
    "NPM_CONFIG_PREFIX": "/opt/npm",
    "NODE_PATH": "/opt/npm/lib/node_modules",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "DEBIAN_FRONTEND": "noninteractive",
    **dict.fromkeys(_CA_VARIABLES, "/etc/ssl/certs/ca-certificates.crt"),
}


@dataclass(frozen=True, slots=True)
class Paths:
    """Host directories as the runtime process sees them."""

    files: str
    """The sandbox's root."""
    upper: str
    """An upper directory for each overlay."""
    work: str
    """A work directory for each overlay."""
    io: str
    overlays: tuple[Overlay, ...]
    shares: tuple[tuple[str, str], ...] = ()
    """What else the sandbox sees read-only: the directory, and where it is seen."""


def config(
    paths: Paths, ids: IdMap, limits: Limits, *, workdir: str, cgroups: Cgroups, container: str
) -> dict[str, Any]:
    """The whole config.json. Without control groups the process count is held by RLIMIT_NPROC."""
    linux: dict[str, Any] = {
        "namespaces": [{"type": kind} for kind in ("user", "mount", "pid", "network", "ipc", "uts", "cgroup")],
        "uidMappings": [mapping.oci() for mapping in ids.users],
        "gidMappings": [mapping.oci() for mapping in ids.groups],
        "maskedPaths": [f"/proc/{name}" for name in MASKED],
        "readonlyPaths": [f"/proc/{name}" for name in READ_ONLY],
        "rootfsPropagation": "private",
        "seccomp": profile(),
    }
    cgroup = cgroups.path(container)
    if cgroup:
        linux["cgroupsPath"] = cgroup
        linux["resources"] = cgroups.resources(limits)
    return {
        "ociVersion": "1.0.2",
        "hostname": "sandbox",
        "root": {"path": paths.files, "readonly": False},
        "process": _process(limits, workdir, counted="processes" in cgroups.hard),
        "mounts": _mounts(paths, limits, groups=sum(mapping.size for mapping in ids.groups) > 5),
        "linux": linux,
        # Before the sandbox's first program runs, whatever libraries it may have been given.
        "hooks": {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", limiting_script(limits)]}]},
    }


OWN_VARIABLES = frozenset({*_ENVIRONMENT, "JOURNEYMAN_WORKDIR"})
"""The names of those that every sandbox has."""


def environment(workdir: str) -> list[str]:
    return [f"{name}={value}" for name, value in _ENVIRONMENT.items()] + [f"JOURNEYMAN_WORKDIR={workdir}"]


def _process(limits: Limits, workdir: str, *, counted: bool) -> dict[str, Any]:
    return {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": PROGRAM,
        "env": environment(workdir),
        # Not the working directory, which the sandbox may have made a link to whatever the runtime has open.
        "cwd": "/",
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
        "rlimits": rlimits(limits, count_processes=not counted),
        "noNewPrivileges": True,
        "oomScoreAdj": OOM_SCORE,
    }


def _mounts(paths: Paths, limits: Limits, *, groups: bool) -> list[dict[str, Any]]:
    pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", *(["gid=5"] if groups else [])]
    pts.append(f"max={limits.terminals}")
    shm = ["nosuid", "noexec", "nodev", "mode=1777", f"size={limits.shared_memory}"]
    return [
        _mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
        _mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=64k"]),
        _mount("/dev/pts", "devpts", "devpts", pts),
        _mount("/dev/shm", "tmpfs", "shm", shm),
        *(_overlay(each, paths) for each in paths.overlays),
        _mount(IO, "bind", paths.io, ["bind", "ro", "nosuid", "nodev", "noexec"]),
        *(_mount(path, "bind", source, ["bind", "ro", "nosuid", "nodev", "noexec"]) for source, path in paths.shares),
    ]


def _overlay(overlay: Overlay, paths: Paths) -> dict[str, Any]:
    part = overlay.part
    layers = [f"lowerdir={':'.join(overlay.lower)}", f"upperdir={paths.upper}/{part}", f"workdir={paths.work}/{part}"]
    return _mount(f"/{part}", "overlay", "overlay", [*layers, "userxattr", "nosuid", "nodev"])


def _mount(destination: str, kind: str, source: str, options: list[str]) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": options}
