"""What a sandbox may use at most."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GB = 1 << 30
CPU_PERIOD = 100_000
"""Microseconds over which processor time is counted."""
_PAGE = resource.getpagesize()
_NEEDED = ("user/max_inotify_instances", "user/max_inotify_watches", "user/max_user_namespaces")


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are in bytes. Memory, processor time and processes are hard where control groups are ours."""

    memory: int = 8 * GB
    """With what lies in /dev/shm, in pipes and in sockets; there is no swap beside it."""
    cpus: float = 2.0
    """Processors' worth of time."""
    processes: int = 512
    """And threads."""
    disk: int = 10 * GB
    free_disk: int = 1 * GB
    """What is left to the host where only a watchdog limits the disk."""
    open_files: int = 65_536
    """Of one process."""
    inotify_instances: int = 24
    inotify_watches: int = 16_384
    terminals: int = 64
    signals: int = 4096
    """Queued and not yet taken, all processes together."""

    @property
    def shared_memory(self) -> int:
        """How much may be in files of /dev/shm, and as much again in System V segments: no process's end frees it."""
        return min(GB, self.memory // 4)

    @property
    def socket_memory(self) -> int:
        """What buffers of sockets may hold; the whole machine has one store for them."""
        return min(GB // 8, self.memory // 8)


def kernel_tables(limits: Limits) -> dict[str, str]:
    """Files below /proc/sys, for the sandbox's own user and ipc namespaces, with what to write."""
    none = ("user", "cgroup", "ipc", "mnt", "net", "pid", "time", "uts")
    return {
        "user/max_inotify_instances": str(limits.inotify_instances),
        "user/max_inotify_watches": str(limits.inotify_watches),
        "user/max_fanotify_groups": "0",
        "user/max_fanotify_marks": "0",
        **{f"user/max_{kind}_namespaces": "0" for kind in none},
        "kernel/shmall": str(limits.shared_memory // _PAGE),
        "kernel/msgmni": "1024",
        "kernel/sem": "250 32000 32 1024",
        "fs/mqueue/queues_max": "64",
    }


def limiting_script(limits: Limits) -> str:
    """For a shell inside the sandbox's user and ipc namespaces, as their root; it fails when what is needed fails."""
    # Kernels before 5.19 let nobody but the host's root set those of an ipc namespace, and some tables came late.
    return " && ".join(
        f"echo {value} >/proc/sys/{name}" if name in _NEEDED else f"{{ echo {value} >/proc/sys/{name} || :; }}"
        for name, value in kernel_tables(limits).items()
    )


def rlimits(limits: Limits, *, count_processes: bool) -> list[dict[str, Any]]:
    """Of each process of the sandbox, as OCI has them."""
    wanted = {
        "CORE": 0,
        "NOFILE": limits.open_files,
        "SIGPENDING": limits.signals,
        "MSGQUEUE": 819_200,
        "MEMLOCK": 64 << 20,
    }
    if count_processes:
        wanted["NPROC"] = limits.processes
    if os.geteuid() != 0:
        wanted["FSIZE"] = limits.disk  # where only a watchdog looks after the disk
    return [_rlimit(name, value) for name, value in wanted.items()]


def _rlimit(name: str, wanted: int) -> dict[str, Any]:
    # Raising a hard limit takes a capability the server need not have.
    hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1]
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    return {"type": f"RLIMIT_{name}", "hard": value, "soft": value}


def size(count: int) -> str:
    """Bytes as people write them."""
    return f"{count / GB:.3g} GB" if count >= GB else f"{count / (1 << 20):.3g} MB"


def in_proc_sys(name: str) -> str:
    """A kernel setting of the host; empty when there is none."""
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return ""
