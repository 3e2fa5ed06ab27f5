"""Looking up the names of webhooks: in threads of their own, few at a time for a tenant.

The system's look-up cannot be broken off: whoever stops waiting for it leaves a thread behind that waits on, as long as
the name's servers like. So a turn ends with the look-up and not with the waiting, and each tenant has few.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from weakref import WeakValueDictionary

THREADS = 32
TURNS_OF_A_TENANT = 2
TURN_SECONDS = 2.0  # for which a name waits for its turn: less than a sender has for the whole

LookUp = Callable[[str, int], Sequence[str]]


class NoTurn(OSError):
    """The name was not looked up: too many others are. It says nothing of the name, nor of where it leads."""


def system_addresses(host: str, port: int) -> Sequence[str]:
    """All addresses of a name, as the system says, however long that takes. Raises OSError."""
    return [str(address[4][0]) for address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Resolver:
    """Belongs to the event loop that uses it first."""

    def __init__(
        self, look_up: LookUp = system_addresses, *, threads: int = THREADS, patience: float = TURN_SECONDS
    ) -> None:
        self._look_up = look_up
        self._patience = patience
        self._threads = ThreadPoolExecutor(threads, "webhook-names")
        self._free = asyncio.Semaphore(threads)
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()  # there while it is waited for

    async def resolve(self, tenant_id: str | None, host: str, port: int) -> Sequence[str]:
        """For a tenant in turn; for none at once: only for names whose answer no tenant can delay.

        Raises NoTurn, and OSError for a name that leads nowhere.
        """
        if tenant_id is None:
            return await asyncio.to_thread(self._look_up, host, port)
        turn = self._turns.setdefault(tenant_id, asyncio.Semaphore(TURNS_OF_A_TENANT))
        await self._take(turn)
        return await asyncio.wrap_future(self._begin(turn, host, port))

    async def _take(self, turn: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await turn.acquire()
                try:
                    await self._free.acquire()
                except BaseException:
                    turn.release()
                    raise
        except TimeoutError:
            raise NoTurn("too many names are being looked up") from None

    def _begin(self, turn: asyncio.Semaphore, host: str, port: int) -> Future[Sequence[str]]:
        loop = asyncio.get_running_loop()

        def give_back() -> None:
            turn.release()
            self._free.release()

        def ended(_: Future[Sequence[str]]) -> None:
            with suppress(RuntimeError):  # the loop has ended before the look-up
                loop.call_soon_threadsafe(give_back)

        begun = self._threads.submit(self._look_up, host, port)
        begun.add_done_callback(ended)
        return begun
