"""The embedded database: guarded by a password, back after a kill with all it acknowledged, gone with its parent."""

import asyncio
import contextlib
import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import OperationFailure, PyMongoError

from sandbox.embedded import EmbeddedMissing, open_embedded
from sandbox.guard import __file__ as guard
from sandbox.locks import DirectoryInUse, hold_directory
from sandbox.world import SANDBOX
from service.errors import Unavailable
from service.storage.database import Collection, Database, open_database
from service.storage.init import init_database
from service.storage.servers import await_server
from tests.databases import raw_client

ROOT = Path(__file__).parents[2]
THINGS = Collection("things", {"_id": {"bsonType": "string"}}, ())
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and asks the kernel for a parent's death")


def database_pid(directory: Path) -> int | None:
    """The process of the database in `directory`, by the command line that names it."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            arguments = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if b"secantus" in arguments and bytes(directory / "data") in arguments:
                return int(entry.name)
    return None


def wait_until(fact: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)


@pytest.mark.process
@linux
async def test_a_machine_that_can_start_no_process_for_a_while_gets_its_database_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, refused = asyncio.create_subprocess_exec, 0

    async def refuse(*args: Any, **options: Any) -> asyncio.subprocess.Process:
        nonlocal refused
        refused += 1
        if refused <= 2:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return await start(*args, **options)

    async with open_embedded(tmp_path) as uri:
        pid = database_pid(tmp_path)
        assert pid is not None
        monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
        os.kill(pid, signal.SIGKILL)
        await _until(lambda: refused > 2 and database_pid(tmp_path) not in {None, pid})
        await await_server(uri, seconds=30)


@pytest.mark.process
@linux
async def test_acknowledged_writes_survive_a_kill_under_load_and_the_service_recovers(tmp_path: Path) -> None:
    async with open_embedded(tmp_path) as uri:
        await init_database(uri, SANDBOX, (THINGS,))
        async with open_database(uri, SANDBOX) as database:
            acknowledged: set[str] = set()
            refused: list[float] = []
            stop = asyncio.Event()
            writers = [asyncio.create_task(_write(database, n, acknowledged, refused, stop)) for n in range(8)]
            await _until(lambda: len(acknowledged) >= 200)
            pid = database_pid(tmp_path)
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()
            await _until(lambda: database_pid(tmp_path) not in {None, pid})
            before = len(acknowledged)
            await _until(lambda: len(acknowledged) >= before + 50)
            recovered = time.monotonic() - killed
            stop.set()
            await asyncio.gather(*writers)
            await database.ready()
            stored = {each["_id"] async for each in database.collection(THINGS).find({})}
            print(f"recovered after {recovered:.1f} s; {len(acknowledged)} acknowledged, {len(refused)} refused")
            assert acknowledged <= stored, f"{len(acknowledged - stored)} acknowledged writes are gone"
            assert recovered < 10
            assert max(refused, default=0) < 4, "a request hung"


async def _write(
    database: Database, writer: int, acknowledged: set[str], refused: list[float], stop: asyncio.Event
) -> None:
    """Write one document after another, each in a transaction; note which were acknowledged, and how long a no took."""
    n = 0
    while not stop.is_set():
        n += 1
        document = {"_id": f"{writer}-{n}", "environment": "SANDBOX", "binding": False}

        async def insert(session: object, document: dict[str, object] = document) -> None:
            await database.collection(THINGS).insert_one(document, session=session)

        start = time.monotonic()
        try:
            with database.deadline(3):
                await database.transaction(insert)
        except (Unavailable, PyMongoError):
            refused.append(time.monotonic() - start)
            await asyncio.sleep(0.05)
        else:
            acknowledged.add(f"{writer}-{n}")


async def _changed(file: Path) -> None:
    def changed_at() -> int:
        return file.stat().st_mtime_ns

    before = changed_at()
    await _until(lambda: changed_at() != before)


async def _until(fact: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not fact():  # noqa: ASYNC110 - what changes it knows nothing of this test
            await asyncio.sleep(0.01)


@pytest.mark.process
@linux
async def test_a_second_start_finds_what_the_first_left_and_no_process_stays_behind(tmp_path: Path) -> None:
    async with open_embedded(tmp_path) as uri:
        await init_database(uri, SANDBOX, (THINGS,))
        assert database_pid(tmp_path) is not None
    assert database_pid(tmp_path) is None
    async with open_embedded(tmp_path) as uri, open_database(uri, SANDBOX) as database:
        await database.ready()
    assert database_pid(tmp_path) is None


@pytest.mark.process
async def test_in_its_second_life_it_keeps_no_former_state_of_a_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or each write would slow it down. Its storage engine has a file for what somebody may still be looking at."""
    monkeypatch.setenv("SECANTUS_CHECKPOINT_SECONDS", "1")
    former_states, turtle = tmp_path / "data" / "WiredTigerHS.wt", tmp_path / "data" / "WiredTiger.turtle"
    async with open_embedded(tmp_path):
        pass
    async with open_embedded(tmp_path) as uri:
        with raw_client(uri) as client:
            for number in range(200):
                client.test.things.replace_one({"_id": 1}, {"text": f"{number:08}" * 1_000}, upsert=True)
        await _changed(turtle)  # by a checkpoint that may have begun before the last write
        await _changed(turtle)
        assert former_states.stat().st_size < 100_000


@pytest.mark.process
async def test_a_stranger_on_the_same_machine_gets_no_data(tmp_path: Path) -> None:
    async with open_embedded(tmp_path) as uri:
        await init_database(uri, SANDBOX, (THINGS,))
        address = uri.partition("@")[2]
        with raw_client(f"mongodb://{address}") as stranger, pytest.raises(OperationFailure, match="auth"):
            stranger[SANDBOX.database]["world"].find_one()
        with raw_client(f"mongodb://sandbox:guess@{address}") as guesser, pytest.raises(OperationFailure):
            guesser[SANDBOX.database]["world"].find_one()
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600


@pytest.mark.process
async def test_a_first_start_that_broke_off_before_the_password_was_kept_is_done_again(tmp_path: Path) -> None:
    async with open_embedded(tmp_path) as uri:
        await init_database(uri, SANDBOX, (THINGS,))
    (tmp_path / "password").unlink()
    async with open_embedded(tmp_path) as again:
        assert again.partition("@")[0] != uri.partition("@")[0]
        async with open_database(again, SANDBOX):
            pass


@pytest.mark.process
@linux
def test_the_database_ends_with_a_parent_that_is_killed_and_leaves_the_directory_free(tmp_path: Path) -> None:
    script = f"""
import asyncio, pathlib
from sandbox.embedded import open_embedded
async def main():
    async with open_embedded(pathlib.Path({str(tmp_path)!r})):
        print("up", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout as output:
        assert output.readline() == b"up\n"
    assert database_pid(tmp_path) is not None
    with pytest.raises(DirectoryInUse, match=str(parent.pid)), hold_directory(tmp_path):
        pass
    parent.kill()
    parent.wait()
    wait_until(lambda: database_pid(tmp_path) is None, seconds=10)
    with hold_directory(tmp_path):
        assert (tmp_path / "sandbox.pid").read_text() == str(os.getpid())


@pytest.mark.process
@pytest.mark.parametrize("how", ["parent gone", "asked to end"])
def test_where_the_kernel_does_not_help_the_guard_ends_its_command(how: str) -> None:
    command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
    watch = f"import runpy, sys; sys.exit(runpy.run_path({guard!r})['watch']({command!r}))"
    started = subprocess.Popen([sys.executable, "-c", watch], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert started.stdin is not None
    assert started.stdout is not None
    with started.stdout as output:
        assert output.readline() == b"up\n"
        if how == "parent gone":
            started.stdin.close()
        else:
            started.terminate()
        started.wait(timeout=10)
        assert output.read() == b""  # returns once the command, which holds the other end, is gone
    started.stdin.close()
    assert started.returncode != 0


async def test_two_sandboxes_on_one_directory_are_refused_by_process_id(tmp_path: Path) -> None:
    with hold_directory(tmp_path), pytest.raises(DirectoryInUse, match=f"process id {os.getpid()}"):
        async with open_embedded(tmp_path):
            pass
    with hold_directory(tmp_path):
        pass


async def test_a_directory_whose_sandbox_died_is_free(tmp_path: Path) -> None:
    (tmp_path / "sandbox.lock").touch()
    (tmp_path / "sandbox.pid").write_text("99999999")
    with hold_directory(tmp_path):
        assert (tmp_path / "sandbox.pid").read_text() == str(os.getpid())


async def test_a_missing_package_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EmbeddedMissing, match=r"\[embedded\].*SANDBOX_MONGO_URI"):
        async with open_embedded(tmp_path):
            pass
