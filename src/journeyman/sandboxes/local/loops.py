"""Files as block devices: a device for each file, which goes by itself with its last mount."""

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from journeyman.sandboxes.local.directory import locked

_CONTROL = "/dev/loop-control"
_GET_FREE, _CONFIGURE, _GET_STATUS = 0x4C82, 0x4C0A, 0x4C05
_AUTOCLEAR, _DIRECT_IO = 4, 16
_BLOCK = 4096
_INFO = "5Q4I64s64s32s2Q"
_CONFIG = f"2I{_INFO}8Q"
_TRIES = 20


@contextmanager
def device(file: Path) -> Generator[str]:
    """The device of a file, held until it is mounted. Raises OSError.

    One that the file already has is used again: two devices of one file would be two filesystems that know nothing of
    each other. Its number lies beside the file.
    """
    with locked(file.with_suffix(".loop")) as note, _opened(file) as backing:
        found = _known(note, backing) or _attach(note, backing)
        try:
            yield f"/dev/loop{found[0]}"
        finally:
            os.close(found[1])


def _known(note: int, backing: int) -> tuple[int, int] | None:
    """Number and descriptor of the device that the file has, if any."""
    text = os.pread(note, 16, 0).strip()
    if not text.isdigit():
        return None
    number = int(text)
    try:
        opened = _open(number)
    except OSError:  # it is gone, or about to go
        return None
    status = bytearray(struct.calcsize(_INFO))
    try:
        fcntl.ioctl(opened, _GET_STATUS, status)
    except OSError:
        os.close(opened)
        return None
    holds, inode = struct.unpack_from("2Q", status)
    file = os.fstat(backing)
    # The kernel writes a device's number in its own way here.
    disk = holds >> 8 & 0xFFF, holds & 0xFF | holds >> 12 & 0xFFF00
    if disk == (os.major(file.st_dev), os.minor(file.st_dev)) and inode == file.st_ino:
        return number, opened
    os.close(opened)
    return None


def _attach(note: int, backing: int) -> tuple[int, int]:
    for _ in range(_TRIES):
        with _opened(Path(_CONTROL)) as control:
            number: int = fcntl.ioctl(control, _GET_FREE)
        opened = _open(number)
        info = [0] * 5 + [0, 0, 0, _AUTOCLEAR | _DIRECT_IO, b"", b"", b"", 0, 0]
        try:
            fcntl.ioctl(opened, _CONFIGURE, struct.pack(_CONFIG, backing, _BLOCK, *info, *[0] * 8))
        except OSError as error:
            os.close(opened)
            if error.errno != errno.EBUSY:  # else another process was quicker
                raise
        else:
            os.pwrite(note, str(number).encode().ljust(16), 0)
            return number, opened
    raise OSError(errno.EBUSY, "no loop device is free")


def _open(number: int) -> int:
    path = f"/dev/loop{number}"
    with contextlib.suppress(FileExistsError):
        if not os.path.exists(path):  # noqa: PTH110 - where nobody makes devices' files
            os.mknod(path, 0o600 | 0o060000, os.makedev(7, number))
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)


@contextmanager
def _opened(path: Path) -> Generator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
