"""Taking rights away from the interpreter's own process, so that a plan which broke out of its language had nothing.

What is left are the system calls to compute, to read and write the pipes, and to end.
"""

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
import sys

from journeyman.workflows.limits import Limits

_NOBODY = 65534
_NO_NEW_PRIVILEGES = 38
_DEATH_SIGNAL = 1
_SECCOMP = 22
_FILTER = 2
_STACK = 64 * 2**20

_X86_64 = 0xC000003E
_AARCH64 = 0xC00000B7
_ALLOW = 0x7FFF0000
_EPERM = 0x00050001
_KILL = 0x80000000

_CALLS: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (_X86_64, {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12,
        "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25, "madvise": 28,
        "getpid": 39, "exit": 60, "sigaltstack": 131, "gettid": 186, "futex": 202, "restart_syscall": 219,
        "clock_gettime": 228, "exit_group": 231, "tgkill": 234, "getrandom": 318, "rseq": 334,
    }),
    "aarch64": (_AARCH64, {
        "close": 57, "lseek": 62, "read": 63, "write": 64, "fstat": 80, "exit": 93, "exit_group": 94, "futex": 98,
        "clock_gettime": 113, "sched_yield": 124, "restart_syscall": 128, "tgkill": 131, "sigaltstack": 132,
        "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "getpid": 172, "gettid": 178, "brk": 214,
        "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233, "getrandom": 278, "rseq": 293,
    }),
}  # fmt: skip


def confine(limits: Limits) -> bool:
    """For good. Whether the kernel also holds the system calls; where it cannot, the language alone does."""
    sys.path.clear()
    os.umask(0o777)
    _become_nobody()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    _limit(limits)
    return _filter(libc)


def _become_nobody() -> None:
    if os.geteuid() != 0:
        return
    with contextlib.suppress(OSError):  # a user namespace may have no such user
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)


def _limit(limits: Limits) -> None:
    for kind, value in (
        (resource.RLIMIT_STACK, _STACK),
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.cpu),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # Processor time ends with the signal that says so only while the hard limit is further away.
        hard = soft + 1 if kind == resource.RLIMIT_CPU and hard != soft else soft
        resource.setrlimit(kind, (soft, hard))


def _filter(libc: ctypes.CDLL) -> bool:
    """A list of what is allowed, for the kernel; what is not answers EPERM."""
    if platform.machine() not in _CALLS:
        return False
    architecture, calls = _CALLS[platform.machine()]
    numbers = list(calls.values())
    program = [
        _instruction(0x20, 0, 0, 4),  # the architecture
        _instruction(0x15, 1, 0, architecture),
        _instruction(0x06, 0, 0, _KILL),
        _instruction(0x20, 0, 0, 0),  # the number of the call
        *(_instruction(0x15, len(numbers) - at, 0, number) for at, number in enumerate(numbers)),
        _instruction(0x06, 0, 0, _EPERM),
        _instruction(0x06, 0, 0, _ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    return libc.prctl(_SECCOMP, _FILTER, head, 0, 0) == 0


def _instruction(code: int, when: int, otherwise: int, value: int) -> bytes:
    return struct.pack("HBBI", code, when, otherwise, value)
