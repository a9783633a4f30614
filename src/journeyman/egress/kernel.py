"""Entering a network namespace and preparing it: calls that Python 3.11 has no words for."""

import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct
from pathlib import Path

_NEW_USER = 0x10000000
_NEW_NET = 0x40000000
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_RTM_NEWROUTE = 24
_REQUEST_ACK_CREATE = 0x1 | 0x4 | 0x400
_LOCAL_TABLE = 255
_RTPROT_STATIC = 4
_SCOPE_HOST = 254
_RTN_LOCAL = 2
_RTA_OIF = 4
_LO = 1


def enter(pidfd: int) -> None:
    """Join the network namespace of a process; through its user namespace where that takes rights of its root.

    Raises OSError. There is no way back: call it in a process or thread made for it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0 and libc.setns(pidfd, _NEW_NET) == 0:
        return
    if libc.setns(pidfd, _NEW_USER | _NEW_NET):
        number = ctypes.get_errno()
        raise OSError(number, f"the sandbox's network namespace cannot be entered: {os.strerror(number)}")


def everything_is_local() -> None:
    """Bring loopback up and deliver every address to it, so that what connects anywhere meets our sockets."""
    loopback_up()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        _route(netlink, socket.AF_INET)
        with contextlib.suppress(OSError):  # a kernel without IPv6 has nowhere to go with it either
            _route(netlink, socket.AF_INET6)


def loopback_up() -> None:
    """In this thread's network namespace. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def _route(netlink: socket.socket, family: int) -> None:
    """`ip route add local default dev lo table local`."""
    head = struct.pack("BBBBBBBBI", family, 0, 0, 0, _LOCAL_TABLE, _RTPROT_STATIC, _SCOPE_HOST, _RTN_LOCAL, 0)
    body = head + struct.pack("HHi", 8, _RTA_OIF, _LO)
    netlink.send(struct.pack("IHHII", 16 + len(body), _RTM_NEWROUTE, _REQUEST_ACK_CREATE, 1, 0) + body)
    number = -struct.unpack("i", netlink.recv(4096)[16:20])[0]
    if number not in {0, errno.EEXIST}:
        raise OSError(number, os.strerror(number))


def forget_ended_connections() -> None:
    """Keep the kernel from remembering each ended connection for minutes: a busy sandbox would fill its tables."""
    with contextlib.suppress(OSError):
        Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait").write_text("5")


class Nft:
    """libnftables, the library of the `nft` program: starting the program itself would take longer than all else."""

    def __init__(self) -> None:
        """Raises OSError where it is not installed."""
        self._library = ctypes.CDLL("libnftables.so.1")
        self._library.nft_ctx_new.restype = ctypes.c_void_p
        self._library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p

    def run(self, commands: str) -> None:
        """In the network namespace of the calling thread. Raises OSError with what it said."""
        context = ctypes.c_void_p(self._library.nft_ctx_new(0))
        self._library.nft_ctx_buffer_output(context)
        self._library.nft_ctx_buffer_error(context)
        failed = self._library.nft_run_cmd_from_buffer(context, commands.encode())
        said = self._library.nft_ctx_get_error_buffer(context) if failed else b""
        self._library.nft_ctx_free(context)
        if failed:
            raise OSError(errno.EIO, f"nft: {(said or b'').decode(errors='replace').strip()}")
