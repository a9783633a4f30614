"""What the container engine and this machine allow, and what to change where they do not."""

import contextlib
import os
import socket
import struct
from pathlib import Path

from journeyman.sandboxes.docker.engine import Engine
from journeyman.sandboxes.docker.facts import Facts
from journeyman.sandboxes.docker.stock import EngineStock
from journeyman.sandboxes.local.limitchecks import limit_checks
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.stock import MADE_ON_DEMAND
from journeyman.sandboxes.port import Check, SandboxUnavailable

_FIX_LIMITS = "Give the engine control groups: on systemd a rootless one needs version 2, delegated (Delegate=yes)."


async def examine(engine: Engine, stock: EngineStock, limits: Limits) -> list[Check]:
    """All checks; the engine's alone when it does not answer."""
    try:
        facts = await engine.facts()
    except SandboxUnavailable as error:
        fix = 'Start it (systemctl start docker), or in journeyman.toml: [sandbox.docker], socket = "…".'
        return [Check("engine", "fail", str(error), fix)]
    return [
        Check("engine", "ok", f"{facts.name} at {engine.socket}"),
        _processes(engine, facts),
        _users(facts),
        await _base(stock),
        *_limits(facts, limits),
    ]


def _processes(engine: Engine, facts: Facts) -> Check:
    pid, user = _peer(engine.socket)
    if not pid or facts.info.get("KernelVersion") not in (None, os.uname().release):
        detail = "The engine's processes cannot be seen from here, so that its containers cannot be used."
        fix = "Run the server on the engine's machine; in a container itself, with --pid=host --privileged."
        return Check("processes of the engine", "fail", detail, fix)
    if os.geteuid() != 0 and not (facts.is_rootless and user == os.geteuid()):
        detail = "This user may not look into the engine's containers, whose files are read and written from outside."
        fix = "Run the server as root, or use a rootless engine of this user (systemctl --user start podman.socket)."
        return Check("processes of the engine", "fail", detail, fix)
    return Check("processes of the engine", "ok", "They can be seen from here.")


def _peer(path: str) -> tuple[int, int]:
    """pid and uid of who listens at a Unix socket; pid 0 for one that cannot be seen."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid, user, _ = struct.unpack("3i", packed)
        return pid, user
    return 0, -1


def _users(facts: Facts) -> Check:
    if facts.remapped_root is not None:
        return Check("users", "ok", "Containers have users of their own, and tables of the kernel of their own.")
    if facts.is_rootless:
        detail = "Containers share the users of this one. Tables of the kernel (inotify, queued signals) are shared."
        return Check("users", "ok", detail)
    detail = "Root in a container is the machine's root, without its rights; tables of the kernel (inotify) are shared."
    fix = 'Docker: "userns-remap": "default" in /etc/docker/daemon.json, or use a rootless engine.'
    return Check("users", "warn", detail, fix)


async def _base(stock: EngineStock) -> Check:
    base = stock.default
    if base == MADE_ON_DEMAND:
        return Check("base", "ok", f"{base}, made on first need where the engine does not have it.")
    try:
        await stock.identify(base)
    except SandboxUnavailable as error:
        return Check("base", "fail", str(error), f"Pull or build it, or set sandbox.base to {MADE_ON_DEMAND}.")
    return Check("base", "ok", base)


def _limits(facts: Facts, limits: Limits) -> list[Check]:
    found = limit_checks(
        facts.hard, limits, no_own_disks=None if facts.has_quotas else "the engine's storage has no quotas"
    )
    return [_fixed(each, facts) for each in found if each.name != "inotify" or facts.remapped_root is not None]


def _fixed(check: Check, facts: Facts) -> Check:
    if check.status == "ok":
        return check
    if check.name == "disk":
        root = Path(str(facts.info.get("DockerRootDir", "/")))
        return check._replace(fix=f"Put the engine's storage ({root}) on xfs mounted with pquota, btrfs or zfs.")
    return check._replace(fix=_FIX_LIMITS) if check.name in {"memory", "cpus", "processes"} else check
