"""SMS into a file, one line of JSON each: for a gateway elsewhere that follows the file, or a person who reads it.

    {"key": "...", "telephone": "...", "text": "..."}

A line is whole when it ends; one that is not whole was never delivered, and comes again. No key comes twice in a file.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class FileGateway:
    """A `service.outbox.Gateway`. Any number of processes may write to one file: each locks it for its line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._delivered: set[str] = set()
        self._read = 0  # how much of the file is known

    def deliver(self, key: str, telephone: str, text: str) -> None:
        """On the disk when this returns. Raises OSError."""
        line = json.dumps({"key": key, "telephone": telephone, "text": text}, ensure_ascii=False) + "\n"
        with self._open() as file:
            broken_off = self._read_on(file)
            if key in self._delivered:
                return
            file.write((b"\n" if broken_off else b"") + line.encode())
            file.flush()
            os.fsync(file.fileno())
            self._delivered.add(key)

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "rb+") as file:
            _lock(descriptor)  # until it is closed
            yield file

    def _read_on(self, file: BinaryIO) -> bool:
        """Learn the keys that others have written since, or of another file in its place. Whether its end is broken."""
        if os.fstat(file.fileno()).st_size < self._read:
            self._read = 0
        file.seek(self._read)
        new = file.read()
        whole = new.rfind(b"\n") + 1
        self._delivered.update(key for line in new[:whole].splitlines() if (key := _key_of(line)) is not None)
        self._read += whole
        return whole < len(new)


def _key_of(line: bytes) -> str | None:
    """None for what is no message: the remains of one that broke off."""
    try:
        return str(json.loads(line)["key"])
    except (ValueError, TypeError, KeyError):
        return None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
