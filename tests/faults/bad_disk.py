"""A disk of its own for one process: small, or read-only. It is seen by that process and its children alone."""

import ctypes
import os
from pathlib import Path

NEW_NAMESPACE, NEW_USER = 0x20000, 0x10000000  # of unshare(2): CLONE_NEWNS, CLONE_NEWUSER
PRIVATE, READ_ONLY, REMOUNT = 0x44000, 1, 32  # of mount(2): MS_REC and MS_PRIVATE, MS_RDONLY, MS_REMOUNT
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(folder: Path, megabytes: int) -> None:
    """Mount an empty disk in the place of a folder, for this process from now on."""
    user = os.getuid()
    try:
        _call(LIBC.unshare(NEW_NAMESPACE))
    except PermissionError:
        _call(LIBC.unshare(NEW_NAMESPACE | NEW_USER))
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    _call(LIBC.mount(b"none", b"/", None, PRIVATE, None))
    _call(LIBC.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={megabytes}m".encode()))


def make_read_only(folder: Path) -> None:
    """Let nobody write on the mounted disk, not even root."""
    _call(LIBC.mount(b"none", os.fsencode(folder), None, REMOUNT | READ_ONLY, None))


def fill(folder: Path, left: int) -> None:
    """Fill the mounted disk until about so many bytes are left."""
    disk = os.statvfs(folder)
    with (folder / "filler").open("wb") as file:
        file.write(bytes(max(0, disk.f_bavail * disk.f_frsize - left)))


def can_mount() -> bool:
    """Tell whether this machine lets a process mount a disk of its own."""
    process = os.fork()
    if process == 0:
        try:
            mount(Path("/mnt"), 1)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(process, 0)[1] == 0


def _call(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
