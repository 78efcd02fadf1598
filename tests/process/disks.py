"""A small disk for a test, and files that cannot be written: mounts in a namespace of the test's own process, so that
nothing is left mounted when it ends, however it ends."""

import ctypes
import os
import pathlib
import subprocess

import pytest

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x00020000, 0x4000, 1 << 18
PAGE = 4096
_libc = ctypes.CDLL(None, use_errno=True)


def _own_mounts():
    """Mounts of this process are its own from now on; skips the test, with the reason, where that is not allowed."""
    if _libc.unshare(CLONE_NEWNS) != 0 or _libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        pytest.skip(f"NOT TESTED: a mount namespace is needed, and this machine says: {os.strerror(ctypes.get_errno())}")


class SmallDisk:
    """A tmpfs of so many KiB at `folder`."""

    def __init__(self, folder, kib):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.filler = self.folder / "filler"
        _own_mounts()
        if _libc.mount(b"tmpfs", os.fsencode(self.folder), b"tmpfs", 0, f"size={kib}k".encode()) != 0:
            pytest.skip(f"NOT TESTED: a tmpfs cannot be mounted: {os.strerror(ctypes.get_errno())}")

    def free(self):
        """Bytes that are left."""
        seen = os.statvfs(self.folder)
        return seen.f_bfree * seen.f_frsize

    def fill(self, leave=0):
        """Fills it up; `leave` bytes stay free."""
        with open(self.filler, "ab", buffering=0) as file:
            while self.free() > leave:
                try:
                    file.write(b"x" * PAGE)
                except OSError:
                    break

    def drain(self):
        """Room is back."""
        self.filler.unlink()


def immutable(path, on=True):
    """Nobody, not even root, can change the file; skips the test where the file system knows no such thing."""
    done = subprocess.run(["chattr", "+i" if on else "-i", str(path)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"NOT TESTED: {path} cannot be made immutable: {done.stderr.strip()}")
