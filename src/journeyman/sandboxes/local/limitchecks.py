"""Which limits this machine holds, and how, for `doctor`."""

from pathlib import Path

from journeyman.sandboxes.local.limits import Limits, in_proc_sys, size
from journeyman.sandboxes.port import Check

_DELEGATE = "Run the server as root, or on systemd with: systemd-run --user --scope -p Delegate=yes journeyman serve"
_MANY = 8
"""As many busy sandboxes should fit into a table that all share."""


def limit_checks(
    hard: frozenset[str], limits: Limits, *, no_own_disks: str | None, own_kernel: bool = False
) -> list[Check]:
    """`hard`: which of memory, cpus and processes control groups hold; `no_own_disks`: why sandboxes have none.

    `own_kernel`: the host sees a sandbox as one program (gVisor).
    """
    shared = [_memory(hard, limits), _processes(hard, limits)]
    return [
        *([_as_one(check, hard) for check in shared] if own_kernel else shared),
        _cpus(hard, limits),
        _disk(limits, no_own_disks),
        _open_files(limits),
        *([] if own_kernel else [_inotify(limits)]),
    ]


def _as_one(check: Check, hard: frozenset[str]) -> Check:
    if check.name in hard:
        detail = f"{check.detail} What takes more ends the whole sandbox, which keeps its files and starts again."
        return check._replace(detail=detail)
    return check._replace(detail="Not limited: the runtime's kernel holds none, and there are no control groups.")


def _memory(hard: frozenset[str], limits: Limits) -> Check:
    what = f"{size(limits.memory)} for a sandbox"
    if "memory" in hard:
        return Check("memory", "ok", f"{what}, held by control groups.")
    detail = f"{what}, held softly: a watchdog ends programs that are too large; what the kernel keeps is not counted."
    return Check("memory", "warn", detail, _DELEGATE)


def _cpus(hard: frozenset[str], limits: Limits) -> Check:
    if "cpus" in hard:
        return Check("cpus", "ok", f"{limits.cpus:g} for a sandbox, held by control groups.")
    return Check("cpus", "warn", "A sandbox's processor time is not limited.", _DELEGATE)


def _processes(hard: frozenset[str], limits: Limits) -> Check:
    what = f"{limits.processes} for a sandbox"
    if "processes" in hard:
        return Check("processes", "ok", f"{what}, held by control groups.")
    if _kernel() >= (5, 14):
        return Check("processes", "warn", f"{what} and for each user inside, held by the kernel.", _DELEGATE)
    detail = f"{what}, but processes of other sandboxes and of this user count too."
    return Check("processes", "warn", detail, f"Use Linux 5.14 or later. {_DELEGATE}")


def _disk(limits: Limits, no_own_disks: str | None) -> Check:
    what = f"{size(limits.disk)} for a sandbox"
    if no_own_disks is None:
        return Check("disk", "ok", f"{what}, on a filesystem of its own.")
    detail = f"{what}, held softly: commands are stopped when they have written more, and when the machine has less "
    detail += f"than {size(limits.free_disk)} left ({no_own_disks})."
    return Check("disk", "warn", detail, "Run the server as root, on a machine with loop devices and mkfs.ext4.")


def _open_files(limits: Limits) -> Check:
    most = int(in_proc_sys("fs/file-max") or 0)
    if most >= _MANY * limits.processes * limits.open_files:
        return Check("open files", "ok", f"{limits.open_files} for a process; the machine has room for {most}.")
    detail = f"The machine has room for {most} open files in all, which a hostile sandbox could take from its users."
    return Check("open files", "warn", detail, "Leave it to memory: sysctl -w fs.file-max=9223372036854775807")


def _inotify(limits: Limits) -> Check:
    most = int(in_proc_sys("user/max_inotify_instances") or 0)
    if most >= _MANY * limits.inotify_instances:
        return Check("inotify", "ok", f"{limits.inotify_instances} instances for a sandbox.")
    detail = f"This user may have {most} inotify instances in all, sandboxes with {limits.inotify_instances} included."
    return Check("inotify", "warn", detail, "Allow more: sysctl -w fs.inotify.max_user_instances=8192")


def _kernel() -> tuple[int, int]:
    release = Path("/proc/sys/kernel/osrelease").read_text().split(".")
    return int(release[0]), int(release[1])
