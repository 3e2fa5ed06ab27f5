"""Runs a module as `python -m` does, and hands back now and then what the C library keeps for it in holes:
`python trimmed.py MODULE ARGUMENTS...`.

glibc gives back of itself only what is free at the end of its heap. What is free in its midst, once large and small
things have come and gone for a while, can be nearly as much as what is used.
Run by path and without the package, so that it imports nothing but the standard library.
"""

import ctypes
import runpy
import sys
import threading
import time

SECONDS = 10.0


def trim() -> None:
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    while malloc_trim is not None:  # glibc's alone
        time.sleep(SECONDS)
        malloc_trim(0)


if __name__ == "__main__":
    threading.Thread(target=trim, name="trim", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
