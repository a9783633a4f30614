"""Opening paths inside a sandbox from outside, without ever following one out of it."""

import contextlib
import ctypes
import errno
import os
import stat
from functools import cache
from pathlib import Path

from journeyman.sandboxes.local.acting import acting_as
from journeyman.sandboxes.port import SandboxError

_OPENAT2 = 437
_IN_ROOT = 0x10
_NO_MAGIC_LINKS = 0x02
_LINKS = 40
_DEPTH = 200
_OF_THE_KERNEL = frozenset({"dev", "proc", "sys"})
"""Of a sandbox with a kernel of its own, which alone sees what is there; the host sees empty directories."""


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_inside(root: int, path: str, flags: int) -> int:
    """A descriptor of an existing path, where `root` is the sandbox's root directory. Raises OSError."""
    how = _How(flags | os.O_CLOEXEC, 0, _IN_ROOT | _NO_MAGIC_LINKS)
    call = _libc().syscall
    result = int(call(_OPENAT2, root, os.fsencode(path.lstrip("/") or "."), ctypes.byref(how), ctypes.sizeof(how)))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return result


def open_regular(root: int, path: str) -> int:
    """A regular file for reading. Raises what the port's `read` raises."""
    try:
        descriptor = open_inside(root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise explained(error, path) from None
    try:
        _check_regular(root, descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def final_path(root: int, path: str) -> str:
    """The path that a write to `path` writes: links at its end are followed. Raises OSError."""
    for _ in range(_LINKS):
        parent, name = split(path)
        try:
            directory = open_inside(root, parent, os.O_PATH | os.O_DIRECTORY)
        except FileNotFoundError:
            return path
        try:
            target = os.readlink(name, dir_fd=directory)
        except OSError as error:
            if error.errno in {errno.EINVAL, errno.ENOENT}:
                return path
            raise
        finally:
            os.close(directory)
        path = target if target.startswith("/") else f"{parent}/{target}"
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def exists(root: int, path: str) -> bool:
    """Whether the host sees anything at a path."""
    try:
        os.close(open_inside(root, path, os.O_PATH))
    except OSError as error:
        return error.errno != errno.ENOENT
    return True


def size_of(root: int, path: str) -> int:
    """In bytes; 0 when it cannot be opened."""
    try:
        descriptor = open_inside(root, path, os.O_PATH)
    except OSError:
        return 0
    try:
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def make_parents(root: int, path: str, owner: tuple[int, int] | None) -> int:
    """The directory of `path`, made with all above it if need be. Raises OSError."""
    parent, _ = split(path)
    try:
        return open_inside(root, parent, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        above = make_parents(root, parent, owner)
    try:
        name = split(parent)[1]
        with contextlib.suppress(FileExistsError), acting_as(owner):
            os.mkdir(name, 0o755, dir_fd=above)
            if owner:
                os.chown(name, *owner, dir_fd=above, follow_symlinks=False)
    finally:
        os.close(above)
    return open_inside(root, parent, os.O_RDONLY | os.O_DIRECTORY)


def absolute(path: str, workdir: str) -> str:
    """A path as the sandbox's programs mean it. Raises SandboxError."""
    if not path or "\0" in path:
        raise SandboxError("The path is empty or contains a NUL character.")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise SandboxError("The path contains a character that no file name can have.") from None
    check_depth(path)
    return path if path.startswith("/") else f"{workdir}/{path}"


def check_depth(path: str) -> None:
    """Raises SandboxError."""
    if path.count("/") > _DEPTH:
        raise SandboxError(f"The path is deeper than {_DEPTH} directories.")


def split(path: str) -> tuple[str, str]:
    parent, _, name = path.rstrip("/").rpartition("/")
    return parent or "/", name


def explained(error: OSError, path: str) -> Exception:
    """The port's exception for an error, with the path as the sandbox knows it."""
    match error.errno:
        case errno.ENOENT:
            return FileNotFoundError(errno.ENOENT, "No such file", path)
        case errno.EISDIR:
            return IsADirectoryError(errno.EISDIR, "Is a directory", path)
        case errno.EACCES | errno.EPERM | errno.EROFS | errno.EOVERFLOW:
            return PermissionError(errno.EACCES, "Permission denied", path)
        case errno.ELOOP:
            return SandboxError(f"{path}: too many symbolic links, or a link the kernel made (as in /proc).")
        case errno.ENXIO:
            return SandboxError(f"{path} is not a regular file.")
        case _:
            return SandboxError(f"{path}: {os.strerror(error.errno or 0)}.")


def check_target(root: int, directory: int, name: str, path: str) -> os.stat_result | None:
    """The regular file a write would replace, None when there is none. Raises what the port's `write` raises."""
    if name in {"", ".", ".."}:
        raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
    refuse_kernel_files(root, directory, path)
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
    if not stat.S_ISREG(found.st_mode):
        raise SandboxError(f"{path} is not a regular file.")
    return found


def _check_regular(root: int, descriptor: int, path: str) -> None:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
    if not stat.S_ISREG(mode):
        raise SandboxError(f"{path} is not a regular file.")
    refuse_kernel_files(root, descriptor, path)


def refuse_kernel_files(root: int, descriptor: int, path: str) -> None:
    """Raises SandboxError for what is in /proc."""
    # The server may be allowed to see there what the sandbox may not.
    proc = open_inside(root, "/proc", os.O_PATH)
    try:
        device = os.fstat(proc).st_dev
    finally:
        os.close(proc)
    if device != os.fstat(descriptor).st_dev:
        return
    if device != os.fstat(root).st_dev or _place(root, descriptor) in _OF_THE_KERNEL:
        raise SandboxError(f"{path} is made by the kernel: use the shell for it.")


def _place(root: int, descriptor: int) -> str:
    """The directory directly below the root in which something lies."""
    above, path = (Path("/proc/self/fd", str(each)).readlink() for each in (root, descriptor))
    return path.relative_to(above).parts[0] if path != above else ""


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
