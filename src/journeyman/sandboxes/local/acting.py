"""Making files as a sandbox's root user, who is nobody in particular on the host."""

import ctypes
import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache

_VERSION = 0x20080522
_GET_DUMPABLE, _SET_DUMPABLE = 3, 4


class _Head(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def acting_as(owner: tuple[int, int] | None) -> Generator[None]:
    """What this thread makes of files is this user's and group's, with the rights that the thread has anyway.

    An overlay that a sandbox has mounted takes no file of a user whom the sandbox does not know, not even from root.
    """
    own = os.geteuid(), os.getegid()
    if owner is None or owner == own or own[0] != 0:
        yield
        return
    libc, head, kept = _libc(), _Head(_VERSION, 0), (_Sets * 2)()
    libc.capget(ctypes.byref(head), kept)
    dumpable = libc.prctl(_GET_DUMPABLE, 0, 0, 0, 0)
    libc.setfsgid(owner[1])
    libc.setfsuid(owner[0])
    try:
        # A user who is not root would have lost the rights over what the sandbox's other users own.
        libc.capset(ctypes.byref(head), kept)
        yield
    finally:
        libc.setfsuid(own[0])
        libc.setfsgid(own[1])
        libc.prctl(_SET_DUMPABLE, dumpable, 0, 0, 0)  # which a change of the user ends


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
