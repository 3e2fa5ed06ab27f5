"""Runs a command so that it does not outlive the process that asked for it: `python guard.py PARENT_PID COMMAND...`.

On Linux the kernel ends the command when its parent is gone, even killed, and this script is replaced by the command.
Elsewhere this script stays beside the command and ends it when its own standard input, held by the parent, closes.
Run by path and without the package, so that it imports nothing but the standard library.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from types import FrameType

PR_SET_PDEATHSIG = 1  # linux/prctl.h
ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}  # glibc's: with one for each thread, most of what a database holds is holes


def become(parent: int, command: list[str]) -> None:
    # SIGKILL, for the database has stood still in its handler of SIGTERM; what it has acknowledged is on the disk.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # the parent went before the kernel was told
        return
    environ = os.environ | ONE_ARENA  # noqa: TID251 - handed on, not read
    os.execve(command[0], command, environ)  # noqa: S606 - the command is the caller's own argument list, no shell


def watch(command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the caller's own argument list, no shell

    def end(_signal: int, _frame: FrameType | None) -> None:
        child.kill()

    def end_with_parent() -> None:
        while os.read(0, 1024):  # unbuffered: sys.stdin would be locked when the interpreter ends
            pass
        child.kill()

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=end_with_parent, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    if sys.platform == "linux":
        become(int(sys.argv[1]), sys.argv[2:])
    else:
        sys.exit(watch(sys.argv[2:]))
