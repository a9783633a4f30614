"""Mounts in a namespace that ends with the thread that made it, so that nothing is ever left on the host."""

import asyncio
import ctypes
import os
import subprocess
import threading
from collections.abc import Callable
from functools import cache
from typing import TypeVar

_NEW_NAMESPACE = 0x20000
_BIND, _RECURSIVE, _SLAVE = 0x1000, 0x4000, 1 << 19
_NO_SET_USER_ID, _NO_DEVICES, _NO_ACCESS_TIMES = 2, 4, 0x400
_DETACH = 2
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_CLONE_TREE, _EMPTY_PATH, _FROM_EMPTY_PATH = 1, 0x1000, 4
_IDMAP = 0x100000
_HERE = -100

Result = TypeVar("Result")


class _Attributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("users", ctypes.c_uint64),
    )


async def apart(work: Callable[[], Result]) -> Result:
    """Run `work` in a thread of its own, which may change its namespaces. Runs to its end even if the caller does not.

    The processes it starts are in its namespaces, and live on in them.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(outcome: Callable[[], None]) -> None:
        if not done.done():
            outcome()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            loop.call_soon_threadsafe(settle, lambda error=error: done.set_exception(error))
        else:
            loop.call_soon_threadsafe(settle, lambda: done.set_result(result))

    threading.Thread(target=run, name="apart").start()
    return await done


def leave_host() -> None:
    """Give this thread a mount namespace of its own, where this user may; what it mounts the host does not see.

    Raises OSError.
    """
    if os.geteuid() != 0:
        return
    _checked(_libc().unshare(_NEW_NAMESPACE))
    _mount(None, "/", _RECURSIVE | _SLAVE)


def bind(source: str, target: str) -> None:
    """With what is mounted below it. Raises OSError."""
    _mount(source, target, _BIND | _RECURSIVE)


def bind_mapped(source: str, target: str, users: int) -> None:
    """A bind mount on which the owners of files are changed as the user namespace `users` (a descriptor) says.

    Raises OSError: EINVAL where the kernel or the filesystem cannot (Linux before 5.12).
    """
    call = _libc().syscall
    tree = _checked(call(_OPEN_TREE, _HERE, os.fsencode(source), _CLONE_TREE | os.O_CLOEXEC))
    try:
        attributes = _Attributes(_IDMAP, 0, 0, users)
        size = ctypes.sizeof(attributes)
        _checked(call(_MOUNT_SETATTR, tree, b"", _EMPTY_PATH, ctypes.byref(attributes), size))
        _checked(call(_MOVE_MOUNT, tree, b"", _HERE, os.fsencode(target), _FROM_EMPTY_PATH))
    finally:
        os.close(tree)


def mount_device(source: str, target: str, kind: str, options: str) -> None:
    """Raises OSError."""
    flags = ctypes.c_ulong(_NO_SET_USER_ID | _NO_DEVICES | _NO_ACCESS_TIMES)
    names = (os.fsencode(each) for each in (source, target, kind))
    _checked(_libc().mount(*names, flags, os.fsencode(options)))


def unmount(target: str) -> None:
    """At once; what is open in it stays usable. Raises OSError."""
    _checked(_libc().umount2(os.fsencode(target), _DETACH))


def user_namespace(inside: int, outside: int, size: int) -> int:
    """A descriptor of a user namespace with this map, for `bind_mapped`: files of `inside` will be `outside`'s."""
    # A namespace needs a process to be written its maps.
    program = ["unshare", "--user", "sh", "-c", "echo; read line"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for table in ("uid_map", "gid_map"):
            with open(f"/proc/{process.pid}/{table}", "w") as file:  # noqa: PTH123 - one write, as the kernel wants
                file.write(f"{inside} {outside} {size}")
        return os.open(f"/proc/{process.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)


def _mount(source: str | None, target: str, flags: int) -> None:
    place = os.fsencode(source) if source else None
    _checked(_libc().mount(place, os.fsencode(target), None, ctypes.c_ulong(flags), None))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
