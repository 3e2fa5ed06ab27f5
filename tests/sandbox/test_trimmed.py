"""What the embedded database is run by: as `python -m` would run it, and memory that it does not use is given back."""

import ctypes
import mmap
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import trimmed
from tests.waiting import until

MIB = 2**20


@contextmanager
def blocks_in_holes(libc: ctypes.CDLL, count: int, size: int) -> Iterator[None]:
    """Memory of which nine parts of ten are free, and no part is free at the end."""
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    libc.free.argtypes = (ctypes.c_void_p,)
    blocks = [libc.malloc(size) for _ in range(count)]
    for place, block in enumerate(blocks):
        ctypes.memset(block, 1, size)
        if place % 10:
            libc.free(block)
    yield
    for block in blocks[::10]:
        libc.free(block)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc; the C library of others gives back of itself")
async def test_what_is_free_in_the_midst_of_the_heap_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimmed, "SECONDS", 0.01)
    with blocks_in_holes(ctypes.CDLL(None), count=4_000, size=20_000):
        before = resident()
        threading.Thread(target=trimmed.trim, daemon=True).start()
        await until(lambda: before - resident() > 40 * MIB)


@pytest.mark.process
def test_a_module_is_run_as_the_interpreter_runs_it() -> None:
    module = ["json.tool", "--help"]
    asked = [[sys.executable, str(trimmed.__file__), *module], [sys.executable, "-m", *module]]
    ours, its = (subprocess.run(each, capture_output=True, text=True, check=True).stdout for each in asked)
    assert ours == its
    assert "usage" in ours
