"""The configuration of a sandbox's container."""

from pathlib import Path
from typing import Any

import orjson

from journeyman.sandboxes.docker.facts import Facts
from journeyman.sandboxes.local import sharing
from journeyman.sandboxes.local.bundle import CAPABILITIES, IO, MASKED, OOM_SCORE, PROGRAM, READ_ONLY, environment
from journeyman.sandboxes.local.directory import Directory
from journeyman.sandboxes.local.furniture import OWN_ETC
from journeyman.sandboxes.local.limits import CPU_PERIOD, Limits, in_proc_sys, kernel_tables, rlimits
from journeyman.sandboxes.local.seccomp import profile

DATA = "journeyman.data"
"""The label that says to which data directory something belongs."""
SLOT = "journeyman.slot"
_OF_ROOT = ("kpagecgroup", "kpagecount", "kpageflags", "pagetypeinfo", "slabinfo")
"""Files of /proc that the machine's root may read, which a container's root can be."""
CONTAINERENV = "containerenv"


def config(
    directory: Directory, image: str, labels: dict[str, str], facts: Facts, limits: Limits, workdir: str
) -> dict[str, Any]:
    """For the engine's `containers/create`. The directory has `io`, `etc` and `seccomp.json` when it is started."""
    return {
        "Image": image,
        "Hostname": "sandbox",
        "User": "0:0",
        # Not the working directory, which the sandbox may have made a link to whatever the runtime has open.
        "WorkingDir": "/",
        "Entrypoint": PROGRAM,
        "Cmd": [],
        "Env": environment(workdir),
        "Labels": labels,
        "OpenStdin": False,
        "HostConfig": _host(directory, facts, limits),
    }


def _host(directory: Directory, facts: Facts, limits: Limits) -> dict[str, Any]:
    binds = [f"{directory.io}:{IO}:ro,nosuid,nodev,noexec" if facts.is_podman else f"{directory.io}:{IO}:ro"]
    options = "ro,nosuid,nodev,noexec" if facts.is_podman else "ro"
    binds += [f"{directory.path / source}:{path}:{options}" for source, path in sharing.prepare(directory)]
    binds += [f"{fixed(directory) / name}:/etc/{name}:ro" for name in OWN_ETC]  # which the engine would make itself
    if facts.is_podman:  # else a file of podman's own, of any size
        binds.append(f"{fixed(directory) / CONTAINERENV}:/run/.containerenv:ro")
    masked = [*(f"/proc/{name}" for name in (*MASKED, *_OF_ROOT)), "/sys/fs/cgroup"]
    security = ["no-new-privileges", "label=disable"]  # the pipes have the labels of the server's directory
    if facts.is_podman:
        security += [f"seccomp={seccomp(directory)}", f"mask={':'.join(masked)}"]
    else:
        security += [f"seccomp={orjson.dumps(profile()).decode()}"]
    storage = {"StorageOpt": {"size": str(limits.disk)}} if facts.has_quotas else {}
    return {
        "NetworkMode": "none",
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "Binds": binds,
        "Tmpfs": {"/sys": "ro,size=4k,mode=755"},
        "CapDrop": ["ALL"],
        "CapAdd": CAPABILITIES if facts.is_podman else [name.removeprefix("CAP_") for name in CAPABILITIES],
        "SecurityOpt": security,
        "MaskedPaths": masked,
        "ReadonlyPaths": [f"/proc/{name}" for name in READ_ONLY],
        "Memory": limits.memory if "memory" in facts.hard else 0,
        "MemorySwap": limits.memory if "memory" in facts.hard and facts.info.get("SwapLimit") else 0,
        "CpuPeriod": CPU_PERIOD if "cpus" in facts.hard else 0,
        "CpuQuota": int(limits.cpus * CPU_PERIOD) if "cpus" in facts.hard else 0,
        "PidsLimit": limits.processes if "processes" in facts.hard else 0,
        "OomScoreAdj": OOM_SCORE,
        "ShmSize": limits.shared_memory,
        "Ulimits": _ulimits(limits, counted="processes" in facts.hard),
        "Sysctls": _sysctls(limits),
        "LogConfig": {"Type": "none", "Config": {}},
        "RestartPolicy": {"Name": "no"},
        **storage,
    }


def fixed(directory: Directory) -> Path:
    """Where the files of OWN_ETC lie."""
    return directory.path / "etc"


def seccomp(directory: Directory) -> Path:
    return directory.path / "seccomp.json"


def _ulimits(limits: Limits, *, counted: bool) -> list[dict[str, Any]]:
    found = [_ulimit(each) for each in rlimits(limits, count_processes=not counted)]
    if counted:  # else podman sets more than it may be allowed itself
        most = int(in_proc_sys("kernel/pid_max"))
        found.append({"Name": "nproc", "Soft": most, "Hard": most})
    return found


def _ulimit(limit: dict[str, Any]) -> dict[str, Any]:
    name = str(limit["type"]).removeprefix("RLIMIT_").lower()
    return {"Name": name, "Soft": limit["soft"], "Hard": limit["hard"]}


def _sysctls(limits: Limits) -> dict[str, str]:
    """Of the container's own ipc namespace."""
    tables = kernel_tables(limits)
    return {name.replace("/", "."): value for name, value in tables.items() if name.startswith(("kernel/", "fs/"))}
