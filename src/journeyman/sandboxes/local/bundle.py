"""The OCI configuration of a sandbox."""

import resource
from dataclasses import dataclass
from typing import Any

from journeyman.sandboxes.local.identity import IdMap
from journeyman.sandboxes.local.seccomp import profile

IO = "/run/journeyman"
"""Where the sandbox finds the named pipes it talks through."""

_CAPABILITIES = [
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
_MASKED = [
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
_READ_ONLY = ["bus", "driver", "fs", "irq", "sys", "sysrq-trigger", "tty"]
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
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "DEBIAN_FRONTEND": "noninteractive",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sandbox may use at most; memory is in bytes and hard only where cgroups are ours (root)."""

    processes: int = 512
    memory: int = 8 << 30
    open_files: int = 65_536
    inotify_instances: int = 24
    inotify_watches: int = 16_384
    signals: int = 4096
    """Pending signals and timers of each user, of which the host's user has one sum for all sandboxes."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Host directories as the runtime process sees them."""

    root: str
    usr: tuple[str, str]
    """upper and work directory of the overlay over /usr"""
    etc: tuple[str, str, str]
    """lower, upper and work directory of the overlay over /etc"""
    io: str


def config(paths: Paths, ids: IdMap, limits: Limits, *, workdir: str, cgroup: str | None) -> dict[str, Any]:
    """The whole config.json. Without `cgroup` the process count is held by RLIMIT_NPROC."""
    linux: dict[str, Any] = {
        "namespaces": [{"type": kind} for kind in ("user", "mount", "pid", "network", "ipc", "uts", "cgroup")],
        "uidMappings": [mapping.oci() for mapping in ids.users],
        "gidMappings": [mapping.oci() for mapping in ids.groups],
        "maskedPaths": [f"/proc/{name}" for name in _MASKED],
        "readonlyPaths": [f"/proc/{name}" for name in _READ_ONLY],
        "rootfsPropagation": "private",
        "seccomp": profile(),
    }
    if cgroup:
        linux["cgroupsPath"] = cgroup
        linux["resources"] = {"pids": {"limit": limits.processes}, "memory": {"limit": limits.memory}}
    return {
        "ociVersion": "1.0.2",
        "hostname": "sandbox",
        "root": {"path": paths.root, "readonly": False},
        "process": _process(limits, workdir, counted=cgroup is not None),
        "mounts": _mounts(paths, groups=sum(mapping.size for mapping in ids.groups) > 5),
        "linux": linux,
    }


def _process(limits: Limits, workdir: str, *, counted: bool) -> dict[str, Any]:
    rlimits = [
        _rlimit("CORE", resource.RLIMIT_CORE, 0),
        _rlimit("NOFILE", resource.RLIMIT_NOFILE, limits.open_files),
        _rlimit("NICE", resource.RLIMIT_NICE, 0),
        _rlimit("RTPRIO", resource.RLIMIT_RTPRIO, 0),
        _rlimit("SIGPENDING", resource.RLIMIT_SIGPENDING, limits.signals),
    ]
    if not counted:
        rlimits.append(_rlimit("NPROC", resource.RLIMIT_NPROC, limits.processes))
    return {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/bash", "--noprofile", "--norc", f"{IO}/init"],
        "env": [f"{name}={value}" for name, value in _ENVIRONMENT.items()] + [f"JOURNEYMAN_WORKDIR={workdir}"],
        # Not the working directory, which the sandbox may have made a link to whatever the runtime has open.
        "cwd": "/",
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), _CAPABILITIES),
        "rlimits": rlimits,
        "noNewPrivileges": True,
        "oomScoreAdj": 500,
    }


def _rlimit(name: str, kind: int, wanted: int) -> dict[str, Any]:
    # Raising a hard limit takes a capability the server need not have.
    hard = resource.getrlimit(kind)[1]
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    return {"type": f"RLIMIT_{name}", "hard": value, "soft": value}


def _mounts(paths: Paths, *, groups: bool) -> list[dict[str, Any]]:
    pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", *(["gid=5"] if groups else [])]
    etc_lower, etc_upper, etc_work = paths.etc
    return [
        _mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
        _mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=64k"]),
        _mount("/dev/pts", "devpts", "devpts", pts),
        _mount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=1g"]),
        _overlay("/usr", "/usr", *paths.usr),
        _overlay("/etc", etc_lower, etc_upper, etc_work),
        _mount(IO, "bind", paths.io, ["bind", "ro", "nosuid", "nodev", "noexec"]),
    ]


def _overlay(destination: str, lower: str, upper: str, work: str) -> dict[str, Any]:
    options = [f"lowerdir={lower}", f"upperdir={upper}", f"workdir={work}", "userxattr", "nosuid", "nodev"]
    return _mount(destination, "overlay", "overlay", options)


def _mount(destination: str, kind: str, source: str, options: list[str]) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": options}
