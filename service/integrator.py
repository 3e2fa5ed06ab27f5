"""The integrator: puts queued records into the log, in batches, each under a signed checkpoint.

Every process runs one; one leads. A leader is known by its epoch, and every batch compares and swaps {epoch, size} in
the transaction that writes it, so two that believe to lead cannot both write. No clocks are compared: a candidate takes
the lead when, on its own stop-watch, the leader has shown no sign of life for `LEASE_SECONDS`.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from service.errors import Unavailable
from service.evidence import merkle, tiles
from service.evidence.checkpoint import Checkpoint, marks_of
from service.evidence.merkle import CompactRange
from service.keys import SigningKeys
from service.storage.database import Database, Session
from service.storage.errors import as_service_error
from service.storage.log import Fenced, LogState, LogStore
from service.world import World

LEASE_SECONDS = 5.0
BEAT_SECONDS = 1.0
PAUSE_SECONDS = 0.1  # between looks at an empty queue
RETRY_SECONDS = 1.0  # after an error

log = logging.getLogger(__name__)


class Integrator:
    def __init__(
        self,
        world: World,
        keys: SigningKeys,
        database: Database,
        *,
        pause: float = PAUSE_SECONDS,
        lease: float = LEASE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._world = world
        self._keys = keys
        self._database = database
        self._store = LogStore(database)
        self._pause = pause
        self._lease = lease
        self._monotonic = monotonic
        self._name = uuid.uuid4().hex

    async def run(self) -> None:
        """Lead whenever nobody does, until cancelled. Gives the lead away at the end."""
        while True:
            try:
                await self._integrate(await self._lead())
            except Fenced:
                continue
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:
                if as_service_error(error) is None:
                    log.exception("the integrator failed and tries again")
                await asyncio.sleep(RETRY_SECONDS)

    async def _lead(self) -> LogState:
        """Wait until this one leads."""
        await self._store.found()
        seen, since = None, self._monotonic()
        while True:
            state = await self._store.find_state()
            if state is None:
                raise Unavailable("The log has lost its state.")
            if seen is None or state.pulse != seen.pulse:
                seen, since = state, self._monotonic()
            quiet = self._monotonic() - since
            if state.holder in (None, self._name) or quiet >= self._lease:
                return await self._store.take(state, self._name)
            await asyncio.sleep(min(self._lease / 4, max(self._pause, self._lease - quiet)))

    async def _integrate(self, state: LogState) -> None:
        """Append batch after batch as the leader of `state`'s epoch. Raises Fenced when another leads."""
        beaten = self._monotonic()
        try:
            if state.checkpoint is None:
                state = await self._begin(state)
            while True:
                following = await self.append_batch(state)
                if following is not None:
                    state, beaten = following, self._monotonic()
                    continue
                if self._monotonic() - beaten >= BEAT_SECONDS:
                    await self._store.beat(state)
                    beaten = self._monotonic()
                await asyncio.sleep(self._pause)
        finally:
            with contextlib.suppress(Exception):  # it may be lost already, or the database away: the lease runs out
                await asyncio.shield(self._store.release(state))

    async def append_batch(self, state: LogState) -> LogState | None:
        """Move the oldest queued records into the log, at most a batch; None if none is queued. Raises Fenced."""
        if await self._store.oldest_queued() is None:
            return None

        async def work(session: Session) -> LogState | None:
            batch = await self._store.queued(session)
            if not batch.records:
                return None
            tree, growths = tiles.grow(state.tree, [merkle.hash_leaf(entry) for entry in batch.hashes])
            checkpoint = self._sign(tree)
            await self._store.append(state, batch, tree=tree, growths=growths, checkpoint=checkpoint, session=session)
            return replace(state, tree=tree, checkpoint=checkpoint)

        return await self._database.transaction(work)

    async def _begin(self, state: LogState) -> LogState:
        checkpoint = self._sign(state.tree)
        await self._store.begin(state, checkpoint)
        return replace(state, checkpoint=checkpoint)

    def _sign(self, tree: CompactRange) -> str:
        head = Checkpoint(self._world.log_origin, tree.size, tree.root(), marks_of(self._world))
        return self._keys.sign_checkpoint(head)
