"""Starting a sandbox as a process of its own, as a newcomer does."""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def clean_environment(**added: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PROP_", "SANDBOX_"))}
    return inherited | added


def start(*arguments: str, errors: Path, **environ: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    with errors.open("w") as stderr:
        return subprocess.Popen(
            command, cwd=ROOT, env=clean_environment(**environ), stdout=subprocess.PIPE, stderr=stderr, text=True
        )


@contextmanager
def sandbox(
    directory: Path, *options: str, from_nothing: bool = False, **environ: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A sandbox with its data in `directory`, and where it says that it answers.

    Unless it is to start `from_nothing`, it finds there what another left that was just started and stopped.
    """
    if not from_nothing and not directory.exists():
        shutil.copytree(_once_started(), directory)
    with _serving(directory, *options, **environ) as served:
        yield served


@cache
def _once_started() -> Path:
    """Made once for a test run: all sandboxes begin alike, and a start from nothing takes twice as long."""
    directory = Path(tempfile.mkdtemp(prefix="sandbox")) / "data"
    atexit.register(shutil.rmtree, directory.parent)
    with _serving(directory, "--port", "0"):
        pass
    return directory


@contextmanager
def _serving(directory: Path, *options: str, **environ: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    log = directory.parent / "log"
    process = start("serve", *options, errors=log, SANDBOX_DATA_DIR=str(directory), **environ)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"(http://\S+)/graphql", line):
                yield process, found[1]
                break
        else:
            pytest.fail(log.read_text())
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
