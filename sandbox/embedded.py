"""The sandbox's own database: SecantusDB as a process beside it, on a private port, kept alive and taken along.

SecantusDB is GPL-2.0 and never imported here: it runs as a program of its own and is spoken to over TCP.
"""

import asyncio
import contextlib
import importlib.util
import logging
import os
import secrets
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.locks import hold_directory
from service.errors import Unavailable
from service.storage.servers import await_server, ensure_user

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
USER = "sandbox"
START_SECONDS = 20.0
STOP_SECONDS = 10.0
CACHE = "128M"
# What it looks at in search of what has expired it keeps in view until it looks again, and with it every former state.
CONFIG = "[storage]\nttl_sweep_seconds = 10\n"
# Its storage engine takes this over what it is opened with. By default a fifth of the cache is for pages with changes:
# with more of them, some hundred tenants' indexes, it does nothing but write pages out that are needed again at once.
ENGINE_CONFIG = (
    "eviction_dirty_target=20,eviction_dirty_trigger=80,eviction_updates_target=25,eviction_updates_trigger=40\n"
)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds before a restart: doubled each time it fails
GUARD, TRIMMED = Path(__file__).with_name("guard.py"), Path(__file__).with_name("trimmed.py")


class EmbeddedMissing(Exception):
    """SecantusDB is not installed here."""

    def __init__(self) -> None:
        super().__init__(
            "The embedded database is not installed: install the extra `prop-service[embedded]` (CPython 3.11 to 3.13"
            " on Linux, macOS or Windows), or set SANDBOX_MONGO_URI to the address of a MongoDB replica set."
        )


@asynccontextmanager
async def open_embedded(directory: Path) -> AsyncIterator[str]:
    """The address of a database whose data is in `directory`, up, and restarted on the same port should it die.

    The address holds a password, which lies in `directory` readable by its owner alone. Raises EmbeddedMissing,
    DirectoryInUse, and Unavailable when the database does not come up. Open it in the main thread: on Linux the
    database ends with the thread that started it.
    """
    if importlib.util.find_spec("secantus") is None:
        raise EmbeddedMissing
    directory = _made(directory)
    with hold_directory(directory):
        port = _free_port()
        password = await _password(directory, port)
        server = _Server(directory, port, password)
        await server.start()
        keeper = asyncio.create_task(server.keep(), name="embedded database")
        try:
            yield server.uri
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
            await server.stop()


def _made(directory: Path) -> Path:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory.resolve()


async def _password(directory: Path, port: int) -> str:
    """The password of this directory's database; made, and the user with it, before the first start with logins on.

    It is stored last: what breaks off half-way is done again.
    """
    file = directory / "password"
    if file.exists():
        return file.read_text()
    password = secrets.token_urlsafe(32)
    open_server = _Server(directory, port, password=None)
    await open_server.start()
    try:
        await ensure_user(open_server.uri, USER, password)
    finally:
        await open_server.stop()
    draft = directory / "password.draft"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(password)
    draft.replace(file)
    return password


class _Server:
    def __init__(self, directory: Path, port: int, password: str | None) -> None:
        self._directory = directory
        self._data = directory / "data"
        self._config = directory / "secantusd.toml"  # named, so that none is picked up from elsewhere
        self._port = port
        self._password = password
        self._process: Process | None = None

    @property
    def uri(self) -> str:
        """Without retried writes: what it would know a retry by it forgets when it ends, and searches at each write."""
        login = f"{USER}:{self._password}@" if self._password else ""
        return f"mongodb://{login}{HOST}:{self._port}/?authSource=admin&directConnection=true&retryWrites=false"

    def _configure(self) -> None:
        self._config.write_text(CONFIG)
        self._data.mkdir(mode=0o700, exist_ok=True)
        (self._data / "WiredTiger.config").write_text(ENGINE_CONFIG)

    def _command(self) -> list[str]:
        options = ["--host", HOST, "--port", str(self._port), "--storage-path", str(self._data)]
        login = ["--auth"] if self._password else []
        # Without it acknowledged writes of up to a second are gone when the process is killed.
        durable = "--sync-on-commit"
        # Of the storage engine: it fills whatever it may have, by default 1 GiB. A transaction may take 15 % of it.
        cache = ["--cache-size", CACHE]
        # -P: a file in the working directory must not stand in for a module
        return [
            *(sys.executable, "-P", str(TRIMMED), "secantus", "--config", str(self._config)),
            *(*options, "--log-level", "WARNING", durable, *cache, *login),
        ]

    async def start(self) -> None:
        """Start and wait until it answers. Tries again while its predecessor, losing its parent, is still closing."""
        end = asyncio.get_running_loop().time() + START_SECONDS
        while True:
            try:
                await self._start_once(end - asyncio.get_running_loop().time())
            except Unavailable:
                await self.stop()
                if asyncio.get_running_loop().time() >= end:
                    log_file = self._directory / "database.log"
                    raise Unavailable(f"The embedded database did not come up; {log_file} may say why.") from None
                await asyncio.sleep(FIRST_PAUSE)
            else:
                return

    async def _start_once(self, seconds: float) -> None:
        self._configure()
        with (self._directory / "database.log").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", str(GUARD), str(os.getpid()), *self._command()),
                stdin=PIPE,
                stdout=DEVNULL,
                stderr=output,
                cwd=self._directory,
                start_new_session=True,  # a Ctrl-C in the terminal is for the service, which then stops it in order
            )
        ended = asyncio.create_task(self._process.wait())
        up = asyncio.create_task(await_server(self.uri, seconds=max(seconds, 1)))
        try:
            await asyncio.wait({ended, up}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise Unavailable("The embedded database ended.")
            await up
        finally:
            for task in (ended, up):
                task.cancel()
            await asyncio.gather(ended, up, return_exceptions=True)

    async def keep(self) -> None:
        """Start it again whenever it dies, on the same port, until cancelled."""
        pause = FIRST_PAUSE
        while True:
            if self._process is not None:
                status = await self._process.wait()
                log.error("the embedded database ended (status %s): starting it again", status)
            try:
                await self.start()
                pause = FIRST_PAUSE
                log.warning("the embedded database is back")
            except Exception as error:
                reason = error if isinstance(error, Unavailable) else f"It cannot be started ({type(error).__name__})."
                log.error("%s Trying again in %.1f s.", reason, pause)
                await self.stop()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def stop(self) -> None:
        """Kill it: what it has acknowledged is on the disk.

        Ended in order it would write down where its log of changes stands. Its next life reads that first, and from
        then on keeps every state of every document: it slows down with each write until it stands still.
        """
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # what the guard waits for where the kernel does not help
        if process.returncode is None and sys.platform == "linux":
            process.kill()  # here the guard has become the database
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
