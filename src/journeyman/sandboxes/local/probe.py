"""What this machine allows, and what to change where it does not."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from journeyman.sandboxes.local.identity import subordinate
from journeyman.sandboxes.local.rootfs import find_python
from journeyman.sandboxes.local.runtime import Runtime, execute
from journeyman.sandboxes.port import Check

_CONTAINER_FLAGS = (
    "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined "
    "--security-opt apparmor=unconfined"
)
_NAMESPACES = "User namespaces can be made."
_OVERLAY = """cd "$1" && mkdir upper work merged &&
mount -t overlay overlay -o "lowerdir=/usr,upperdir=$1/upper,workdir=$1/work,userxattr" "$1/merged"
"""


async def diagnose(path: Path, runtime: Runtime) -> list[Check]:
    """All checks for sandboxes below `path`."""
    return [
        await runtime.check(),
        await _namespaces(),
        await asyncio.to_thread(_filesystem, path),
        await _overlay(path),
        _merged_usr(),
        await _bash(),
        _container(),
        _subordinate_ids(),
        _python(),
        _program("rg", "ripgrep", "the grep and glob tools are slower without it"),
    ]


async def first_obstacle(path: Path, runtime: Runtime) -> str:
    """The first thing that keeps sandboxes from starting, with its fix; empty when none is found."""
    for check in await diagnose(path, runtime):
        if check.status == "fail":
            return f"{check.detail} {check.fix}"
    return ""


async def _namespaces() -> Check:
    if await execute(["unshare", "--user", "--map-root-user", "--mount", "--pid", "--net", "--fork", "true"]) == 0:
        return await _root_mounts() if os.geteuid() == 0 else Check("namespaces", "ok", _NAMESPACES)
    detail = "User namespaces cannot be made."
    if _sysctl("kernel/apparmor_restrict_unprivileged_userns") not in {"", "0"}:
        fix = "Allow them: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    elif _sysctl("kernel/unprivileged_userns_clone") == "0":
        fix = "Allow them: sysctl -w kernel.unprivileged_userns_clone=1"
    elif _sysctl("user/max_user_namespaces") == "0":
        fix = "Allow them: sysctl -w user.max_user_namespaces=15000"
    else:
        fix = f"In a container, start it with: {_CONTAINER_FLAGS}"
    return Check("namespaces", "fail", detail, fix)


async def _root_mounts() -> Check:
    """In a container root may lack what an ordinary user has in a namespace of its own."""
    if await execute(["unshare", "--mount", "true"]) == 0:
        return Check("namespaces", "ok", _NAMESPACES)
    fix = "Run the server as an ordinary user, or start the container with --cap-add SYS_ADMIN too."
    return Check("namespaces", "fail", "Root may not mount anything here.", fix)


def _filesystem(path: Path) -> Check:
    place = _existing(path)
    kind = filesystem_of(place)
    if kind == "overlay":
        fix = f"Put the data directory on a volume, as in: docker run -v journeyman:{path.parent}"
        return Check("filesystem", "fail", f"{place} is on an overlay, which cannot carry another one.", fix)
    if kind.startswith("nfs") or kind in {"vfat", "9p", "cifs"}:
        return Check("filesystem", "fail", f"{place} is on {kind}.", "Put the data directory on a local disk.")
    if os.geteuid() != 0 and set(str(path)) & set(",:\\"):
        fix = "Choose a data directory without ',', ':' and '\\' in its path."
        return Check("filesystem", "fail", f"{path} cannot be named in mount options.", fix)
    if path.is_relative_to("/usr"):
        return Check("filesystem", "fail", f"{path} lies in /usr.", "Choose a data directory outside /usr.")
    return Check("filesystem", "ok", f"{place} is on {kind}.")


async def _overlay(path: Path) -> Check:
    with tempfile.TemporaryDirectory(dir=_existing(path), prefix="probe-", ignore_cleanup_errors=True) as place:
        script = ["sh", "-c", _OVERLAY, "sh", place]
        if await execute(["unshare", "--user", "--map-root-user", "--mount", *script]) == 0:
            return Check("overlay", "ok", "Overlays can be mounted in a user namespace.")
    fix = "Use Linux 5.11 or later, and a data directory on ext4, xfs, btrfs or tmpfs."
    return Check("overlay", "fail", "An overlay cannot be mounted in a user namespace.", fix)


def _merged_usr() -> Check:
    if Path("/bin").is_symlink() and Path("/lib").is_symlink():
        return Check("base", "ok", "/bin and /lib lie in /usr.")
    return Check("base", "fail", "/bin or /lib does not lie in /usr.", "Install the package usrmerge.")


async def _bash() -> Check:
    if await execute(["/bin/bash", "-c", "((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501))"]) == 0:
        return Check("bash", "ok", "bash is 5.1 or later.")
    return Check("bash", "fail", "bash 5.1 or later is missing.", "Install it: apt install bash")


def _container() -> Check:
    inside = Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()
    if not inside:
        return Check("container", "ok", "The server does not run in a container.")
    fix = f"If sandboxes do not start: {_CONTAINER_FLAGS} -v journeyman:/var/lib/journeyman"
    return Check("container", "warn", "The server runs in a container.", fix)


def _subordinate_ids() -> Check:
    if os.geteuid() == 0:
        return Check("ids", "ok", "Every sandbox has user ids of its own.")
    if subordinate("subuid") and subordinate("subgid") and shutil.which("newuidmap"):
        return Check("ids", "ok", "This user has subordinate ids.")
    detail = "This user has no subordinate ids: in a sandbox only root exists, and some packages fail to install."
    fix = "apt install uidmap && usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER"
    return Check("ids", "warn", detail, fix)


def _python() -> Check:
    python = find_python()
    if python:
        return Check("python", "ok", f"Sandboxes use {python[0]}.")
    return Check("python", "warn", "Sandboxes have no python3.", "Install it: apt install python3 python3-pip")


def _program(name: str, package: str, why: str) -> Check:
    if Path("/usr/bin", name).exists():
        return Check(name, "ok", f"{name} is there.")
    return Check(name, "warn", f"{name} is missing: {why}.", f"Install it: apt install {package}")


def filesystem_of(path: Path) -> str:
    """The kind of filesystem a path lies on."""
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    real = path.resolve()
    found = [(Path(words[4]), words[words.index("-") + 1]) for words in lines]
    below = [(len(point.parts), place, kind) for place, (point, kind) in enumerate(found) if real.is_relative_to(point)]
    return max(below)[2]


def _existing(path: Path) -> Path:
    while not path.is_dir():
        path = path.parent
    return path


def _sysctl(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return ""
