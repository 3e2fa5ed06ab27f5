"""One sandbox to a directory. The operating system holds the lock, so that a dead sandbox leaves none behind."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DirectoryInUse(Exception):
    """Another process works in this directory."""

    def __init__(self, directory: Path, pid: str) -> None:
        super().__init__(
            f"{directory} is in use by the sandbox with process id {pid}: stop it, or give this one another directory."
        )


@contextmanager
def hold_directory(directory: Path) -> Iterator[None]:
    """Hold `directory`, made if need be, for this process alone. Raises DirectoryInUse, naming the process that has it.

    A lock is only as good as the file system: NOT every network file system keeps it between machines.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    holder = directory / "sandbox.pid"
    descriptor = os.open(directory / "sandbox.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            _lock(descriptor)
        except OSError:
            raise DirectoryInUse(directory, _read(holder)) from None
        holder.write_text(str(os.getpid()))
        try:
            yield
        finally:
            holder.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _read(holder: Path) -> str:
    try:
        return holder.read_text().strip() or "unknown"
    except OSError:
        return "unknown"


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
