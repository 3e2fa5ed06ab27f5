"""Names that take their time: they keep their own tenant waiting, and nobody else, nor what needs no name."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from sandbox.webhooks.addresses import AddressBook, Reach, parse_target
from sandbox.webhooks.resolving import THREADS, TURNS_OF_A_TENANT, NoTurn, Resolver
from sandbox.webhooks.sending import Sender
from tests.sandbox.receiving import recording
from tests.sandbox.webhooks.test_webhook_addresses import OWN, PUBLIC, RECEIVER
from tests.waiting import until


class TarPit:
    """A system whose look-ups of `*.tar` end when the test does."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.stuck = 0

    def look_up(self, host: str, port: int) -> Sequence[str]:
        if host.endswith(".tar"):
            self.stuck += 1
            self.opened.wait(60)
        if host == "gone.example.org":
            raise OSError("no such name")
        return ["127.0.0.1" if host == "localhost" else PUBLIC]


@asynccontextmanager
async def asking(tar: TarPit, resolver: Resolver, tenants: Sequence[str]) -> AsyncIterator[None]:
    """With each tenant asking for three names more than it has turns."""
    names = [(tenant, f"{place}.tar") for tenant in tenants for place in range(TURNS_OF_A_TENANT + 3)]
    tasks = [asyncio.create_task(resolver.resolve(tenant, name, 443)) for tenant, name in names]
    try:
        yield
    finally:
        tar.opened.set()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_tenant_whose_names_take_their_time_keeps_only_itself_waiting():
    tar = TarPit()
    resolver = Resolver(tar.look_up, patience=0.2)
    async with asking(tar, resolver, ["slow"]):
        await until(lambda: tar.stuck == TURNS_OF_A_TENANT)
        assert await resolver.resolve("quick", "hook.example.org", 443) == [PUBLIC]
        with pytest.raises(NoTurn):
            await resolver.resolve("slow", "hook.example.org", 443)
        assert tar.stuck == TURNS_OF_A_TENANT
    assert await resolver.resolve("slow", "hook.example.org", 443) == [PUBLIC]


async def test_who_stops_waiting_for_a_name_keeps_its_turn_until_the_look_up_ends():
    tar = TarPit()
    resolver = Resolver(tar.look_up, patience=0.2)
    for _ in range(TURNS_OF_A_TENANT):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await resolver.resolve("slow", "a.tar", 443)
    with pytest.raises(NoTurn):
        await resolver.resolve("slow", "hook.example.org", 443)
    tar.opened.set()
    assert await resolver.resolve("slow", "hook.example.org", 443) == [PUBLIC]


async def test_a_name_that_leads_nowhere_gives_its_turn_back():
    resolver = Resolver(TarPit().look_up, threads=1, patience=10)
    for _ in range(3 * TURNS_OF_A_TENANT):
        with pytest.raises(OSError, match="no such name"):
            await resolver.resolve("t", "gone.example.org", 443)


async def test_with_every_thread_taken_addresses_and_this_machines_own_names_are_answered():
    tar = TarPit()
    resolver = Resolver(tar.look_up, threads=THREADS, patience=0.2)
    book = AddressBook(Reach.LOOPBACK, RECEIVER, resolver.resolve)
    async with asking(tar, resolver, [f"t{each}" for each in range(THREADS // TURNS_OF_A_TENANT)]):
        await until(lambda: tar.stuck == THREADS)
        for url in (f"https://{PUBLIC}/", "http://127.0.0.1:9/", "http://[::1]:9/", "http://localhost:9/", OWN):
            assert await book.address_of("quick", parse_target(url)) in {PUBLIC, "127.0.0.1", "::1"}
        with pytest.raises(NoTurn):
            await book.address_of("quick", parse_target("https://hook.example.org/"))


@pytest.mark.wire
async def test_what_never_left_the_queue_of_names_was_no_attempt():
    tar = TarPit()
    resolver = Resolver(tar.look_up, patience=0.2)
    sender = Sender(AddressBook(Reach.LOOPBACK, RECEIVER, resolver.resolve))
    async with asking(tar, resolver, ["slow"]), recording() as recorder:
        await until(lambda: tar.stuck == TURNS_OF_A_TENANT)
        waited = await sender.post("slow", "https://hook.example.org/", {}, b"{}")
        assert (waited.begun, waited.answer, waited.problem) == (False, None, None)
        sent = await sender.post("slow", recorder.url, {}, b"{}")
        assert sent.begun
        assert sent.answer is not None
