"""Exchanges on their way into the database: noted at once, written in batches behind the requests' backs.

Noting never waits and never fails. What waits is bounded: when the database does not keep up, what comes is let go and
counted. A crash loses what was not written yet, at most WRITE_SECONDS of it; a graceful end loses nothing. A reader has
the waiting written first, so that it sees its own last request; those of other processes follow within WRITE_SECONDS.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from sandbox.inspector.bounds import ExchangeBounds
from sandbox.inspector.exchanges import Exchange, ExchangeFilter, Outcome
from sandbox.storage.exchanges import ExchangeStore
from sandbox.storage.tenants import TenantStore
from service.background import Jobs, repeat
from service.errors import ServiceError
from service.pagination import Page, PageRequest
from service.storage.errors import as_service_error
from service.storage.operators import OperatorStore

WRITE_SECONDS = 1.0
TRIM_SECONDS = 60.0
MOST_WAITING = 10_000
BATCH = 200
KNOWN = 10_000  # tenants and operators that are remembered

logger = logging.getLogger(__name__)

Look = Callable[[], Exchange | None]


class ExchangeLog:
    def __init__(
        self, store: ExchangeStore, tenants: TenantStore, operators: OperatorStore, *, most: int = MOST_WAITING
    ) -> None:
        self._store = store
        self.bounds = ExchangeBounds(store)
        self._tenants = tenants
        self._operators = operators
        self._most = most
        self._waiting: dict[str, Exchange] = {}
        self._open: dict[str, Look] = {}
        self._written: set[str] = set()  # ids of which something is in the database, or may be, and more will come
        self._is_tenant: dict[str, bool] = {}
        self._numbers: dict[str, str | None] = {}
        self._writing = asyncio.Lock()
        self.lost = 0  # let go for want of room

    def note(self, exchange: Exchange) -> None:
        """It has ended, and is written soon."""
        self._open.pop(exchange.id, None)
        if len(self._waiting) >= self._most and exchange.id not in self._waiting:
            self.lost += 1
            return
        self._waiting[exchange.id] = exchange

    def begin(self, exchange_id: str, look: Look) -> None:
        """It has begun. `look` answers how it stands, once that is worth to be kept before its end."""
        if len(self._open) < self._most:
            self._open[exchange_id] = look

    def drop(self, exchange_id: str) -> None:
        """It ended and is nobody's."""
        self._open.pop(exchange_id, None)

    async def flush(self) -> None:
        """Write all that waits. Raises Unavailable; what waited then goes on waiting."""
        async with self._writing:
            self._look_at_open()
            while self._waiting:
                batch = list(self._waiting.values())[:BATCH]
                again = self._written & {each.id for each in batch}
                self._written.update(each.id for each in batch)  # even if it is broken off half way
                try:
                    await self._write(batch, again)
                except Exception as error:
                    if isinstance(error, ServiceError) or as_service_error(error) is not None:
                        raise
                    logger.exception("exchanges could not be written and are let go", extra={"count": len(batch)})
                for each in batch:
                    if self._waiting.get(each.id) is each:  # else it has gone on meanwhile
                        del self._waiting[each.id]
                    if each.outcome is not Outcome.RUNNING:
                        self._written.discard(each.id)
            if self.lost:
                logger.warning("exchanges were let go: there was no room", extra={"count": self.lost})
                self.lost = 0

    async def find(self, participant_id: str, exchange_id: str) -> Exchange | None:
        await self.flush()
        return await self._store.find_own(participant_id, exchange_id)

    async def page(self, participant_id: str, wanted: ExchangeFilter, request: PageRequest) -> Page[Exchange]:
        await self.flush()
        return await self._store.page_of(participant_id, wanted, request)

    async def count(self, participant_id: str, wanted: ExchangeFilter) -> int:
        await self.flush()
        return await self._store.count_of(participant_id, wanted)

    async def since(self, participant_id: str, moment: datetime) -> AsyncIterator[Exchange]:
        """Those of a tenant from a moment (of the server's time) on, the oldest first: what the server saw.

        Of very many, the first ones.
        """
        await self.flush()
        async for each in self._store.since(participant_id, moment):
            yield each

    async def forget(self, participant_id: str) -> None:
        """For a tenant that ends."""
        await self.flush()
        await self._store.forget(participant_id)
        self.bounds.forget(participant_id)

    def _look_at_open(self) -> None:
        for exchange_id, look in list(self._open.items()):
            exchange = look()
            if exchange is not None and len(self._waiting) < self._most:
                self._waiting[exchange_id] = exchange
                del self._open[exchange_id]  # written once as running, and again at its end

    async def _write(self, batch: Sequence[Exchange], again: set[str]) -> None:
        await self._learn(batch)
        ours = [
            replace(each, operator_number=self._numbers.get(each.operator_id or ""))
            for each in batch
            if self._is_tenant[each.participant_id]
        ]
        await self._store.write(ours, again)
        self.bounds.wrote(ours)

    async def _learn(self, batch: Sequence[Exchange]) -> None:
        """Whose tenants they are, and the numbers of their operators."""
        if len(self._is_tenant) > KNOWN or len(self._numbers) > KNOWN:
            self._is_tenant.clear()
            self._numbers.clear()
        participants = {each.participant_id for each in batch} - self._is_tenant.keys()
        if participants:
            found = await self._tenants.get_many(sorted(participants))
            self._is_tenant |= dict.fromkeys(participants, False) | {each.id: True for each in found if each}
        operators = {each.operator_id for each in batch if each.operator_id} - self._numbers.keys()
        if operators:
            numbered = await self._operators.get_many(sorted(operators))
            self._numbers |= {each.id: each.operator_number for each in numbered if each}


@asynccontextmanager
async def writing_exchanges(jobs: Jobs, log: ExchangeLog) -> AsyncIterator[None]:
    """What is noted is written, for as long as the context is open, and the oldest go; at its end, all is written."""
    works = {
        "exchanges": repeat(log.flush, WRITE_SECONDS),
        "bounds of exchanges": repeat(log.bounds.trim, TRIM_SECONDS),
    }
    try:
        async with jobs.running(works):
            yield
    finally:
        try:
            await log.flush()
        except Exception as error:
            logger.warning("exchanges were lost at the end", extra={"reason": type(error).__name__})
