"""The system calls a sandbox may make: an allow list; everything else answers ENOSYS or EPERM."""

import errno
import platform
import socket
from collections.abc import Sequence
from typing import Any

_ARCHITECTURES = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
_NETLINK = 16
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, _NETLINK)
_PROTOCOLS = {
    socket.AF_INET: (0, socket.IPPROTO_ICMP, socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_RAW),
    socket.AF_INET6: (0, socket.IPPROTO_ICMPV6, socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_RAW),
    _NETLINK: (0, 4),  # routes and socket diagnosis
}
"""The others are seldom used and have had many holes, and a socket would load the module of some."""
_RARE = (33, 132, 136, 262)  # DCCP, SCTP, UDP-Lite, MPTCP
_ASKED_FOR = {
    socket.AF_INET: _RARE,
    socket.AF_INET6: _RARE,
    _NETLINK: tuple(number for number in range(1, 32) if number != 4),
}
"""Programs ask whether these are there, and understand only EPROTONOSUPPORT as a no."""
_NAMESPACE_FLAGS = 0x7E020000
_PERSONALITIES = (0, 8, 0x20000, 0x20008, 0xFFFFFFFF)
_TIOCSTI = 0x5412

_ALLOWED = """
accept accept4 access alarm arch_prctl bind brk capget capset chdir chmod chown chroot clock_getres clock_gettime
clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl
epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64
fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork
fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue futex_wait futex_waitv futex_wake futimesat
get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups
getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage
getsid getsockname getsockopt gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1
inotify_rm_watch ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown
lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat madvise mbind membarrier
memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap modify_ldt mprotect mremap
mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap nanosleep newfstatat open openat openat2 pause
pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv
preadv2 prlimit64 process_madvise process_mrelease process_vm_readv process_vm_writev pselect6 ptrace pwrite64 pwritev
pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg remap_file_pages removexattr rename
renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop sendfile sendmmsg sendmsg sendto
set_mempolicy set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid
setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid setxattr shmat shmctl shmdt
shmget shutdown sigaltstack signalfd signalfd4 splice stat statfs statx symlink symlinkat sync sync_file_range syncfs
sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create
timerfd_gettime timerfd_settime times tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork vmsplice
wait4 waitid write writev
"""

_FORBIDDEN = """
acct add_key adjtimex bpf clock_adjtime clock_settime create_module delete_module fanotify_init fanotify_mark
finit_module fsconfig fsmount fsopen fspick init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl
kcmp kexec_file_load kexec_load keyctl lookup_dcookie mount mount_setattr move_mount move_pages name_to_handle_at
nfsservctl open_by_handle_at open_tree perf_event_open pivot_root quotactl quotactl_fd reboot request_key
setdomainname sethostname setns settimeofday socketcall swapoff swapon syslog umount umount2 unshare userfaultfd vhangup
"""


def profile() -> dict[str, Any]:
    """The OCI seccomp section. One architecture only: the 32-bit socketcall would hide the address family."""
    architecture = _ARCHITECTURES.get(platform.machine())
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": errno.ENOSYS,
        "architectures": [architecture] if architecture else [],
        "syscalls": [_allow(_ALLOWED.split()), _refuse(_FORBIDDEN.split(), errno.EPERM), *_conditional()],
    }


def _conditional() -> list[dict[str, Any]]:
    families = [_equal(0, family) for family in _FAMILIES]
    others = [_equal(0, family) for family in range(17) if family not in _FAMILIES]
    beyond: dict[str, Any] = {"index": 0, "value": 16, "op": "SCMP_CMP_GT"}
    return [
        _allow(["socketpair"], families),
        _allow(["socket"], [_equal(0, socket.AF_UNIX)]),
        *(
            _allow(["socket"], [_equal(0, family), _equal(2, protocol)])
            for family, protocols in _PROTOCOLS.items()
            for protocol in protocols
        ),
        *(
            _refuse(["socket"], errno.EPROTONOSUPPORT, [_equal(0, family), _equal(2, protocol)])
            for family, protocols in _ASKED_FOR.items()
            for protocol in protocols
        ),
        _refuse(["socket", "socketpair"], errno.EAFNOSUPPORT, [*others, beyond]),
        _allow(["clone"], [_masked(0, _NAMESPACE_FLAGS, 0)]),
        _refuse(["clone3"], errno.ENOSYS),
        _allow(["personality"], [_equal(0, value) for value in _PERSONALITIES]),
        _allow(["ioctl"], _differs_in_a_low_bit(1, _TIOCSTI)),
    ]


def _allow(names: Sequence[str], args: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", "args": args or []}


def _refuse(names: Sequence[str], number: int, args: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": number, "args": args or []}


def _equal(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}


def _differs_in_a_low_bit(index: int, value: int) -> list[dict[str, Any]]:
    """Alternatives that together mean `low 32 bits != value`; a plain != is passed by setting a high bit."""
    return [_masked(index, 1 << bit, ~value & (1 << bit)) for bit in range(32)]
