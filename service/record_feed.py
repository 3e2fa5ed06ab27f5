"""The feed of records: in the order of the log, which has no gaps, so that whoever comes back misses none."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.access import Caller, own_participant
from service.errors import BadInput, Unavailable
from service.feeds import MOST_WAITING, READY_SECONDS, CurrentCaller, Feed
from service.identifiers import Kind, parse_id
from service.policy import Action, ensure_may
from service.records import Record, RecordFilter, RecordService, matches, may_see_record
from service.storage.changes import open_changes
from service.storage.database import Database
from service.storage.log import BATCHES, LogStore
from service.storage.records import RecordStore
from service.turns import Turns

MOST_MISSED = 10_000  # records that are gone through for a follower who comes back
READERS = 4  # of the connections to the database, for all in this process who come back
READ_SECONDS = 10.0  # for some hundred records
_POLL_SECONDS = 0.1  # between looks for a record's place in the log: READY_SECONDS at most


@dataclass(frozen=True, slots=True)
class Logged:
    """A record at its place in the log."""

    index: int
    record: Record


class RecordFeed(Feed[Logged]):
    """Records in the order of the log, which has no gaps: whoever knows the last one it got can go on after it."""

    def __init__(
        self, database: Database, records: RecordService, store: RecordStore, *, most_waiting: int = MOST_WAITING
    ) -> None:
        super().__init__(database, most_waiting=most_waiting)
        self._log = LogStore(database)
        self._records = records
        self._store = store
        self._turns = Turns(READERS)
        self._position: int | None = None  # of the next record to publish

    async def follow(
        self, current: CurrentCaller, wanted: RecordFilter, after: str | None = None
    ) -> AsyncGenerator[Record]:
        """The records that enter the log from now on, or that have since the record `after`, each once.

        Raises Unauthenticated, Forbidden, BadInput for an `after` that the caller cannot have got, FellBehind.
        """
        caller = await current()
        ensure_may(caller, Action.READ_RECORD)
        if after is not None:
            parse_id(self._database.world, after, Kind.RECORD)
        await self._until_open()

        def wants(event: Logged) -> bool:
            return matches(wanted, event.record) and may_see_record(caller, event.record)

        with self._followed(wants) as follower:
            begin = live = self._position or 0
            if after is not None:
                begin = await self._place(caller, after) + 1
                async for event in self._missed(caller, wanted, begin, live):
                    if wants(event) and await _may_have(current, event.record):
                        yield event.record
            while True:
                event = await follower.take()
                if event.index >= begin and await _may_have(current, event.record):
                    yield event.record

    async def _place(self, caller: Caller, record_id: str) -> int:
        """Where a record that the caller may see stands. One that was only just written is waited for."""
        if (await self._records.get_many(caller, [record_id]))[0] is None:
            raise BadInput("There is no such record to go on after.", field="after")
        for _ in range(int(READY_SECONDS / _POLL_SECONDS)):
            async with self._reading(caller):
                place = (await self._log.places([record_id])).get(record_id)
            if place is not None:
                return place
            await asyncio.sleep(_POLL_SECONDS)
        raise Unavailable("That record has no place in the log yet.", retryAfter=1)

    async def _missed(self, caller: Caller, wanted: RecordFilter, begin: int, end: int) -> AsyncGenerator[Logged]:
        """Those of the caller's participant, or of the one it asks for: no others are read. In the order of the log.

        The log itself says whom each concerns. A range of ids would miss some: an id begins with the time of the act,
        the log has its records in the order in which they were kept, and tenants of a test world have their own time.
        """
        whose, read = own_participant(caller) or wanted.participant_id, 0
        async with self._reading(caller):
            following, _ = await self._log.batch_at(begin)
        while following < end:
            async with self._reading(caller):
                stretch = await self._log.stretch(following, end, whose)
                events = await self._logged({each: place for each, place in stretch.places.items() if place >= begin})
            following, read = stretch.end, read + len(events)
            if read > MOST_MISSED:
                raise BadInput(
                    f"More than {MOST_MISSED} records were written since: follow again after the last one received, or "
                    "read `records` from that time on, then follow.",
                    field="after",
                )
            for event in events:
                yield event

    @asynccontextmanager
    async def _reading(self, caller: Caller) -> AsyncIterator[None]:
        """One read at a time for each caller, however many subscriptions it opens, and never for longer than that."""
        async with self._turns.of(caller.id or ""):
            with self._database.deadline(READ_SECONDS):
                yield

    async def _logged(self, places: Mapping[str, int]) -> list[Logged]:
        """In the order of their places."""
        found = await self._store.get_many(list(places))
        return sorted((Logged(places[each.id], each) for each in found), key=lambda event: event.index)

    async def _publish_changes(self) -> None:
        async with open_changes(self._database, BATCHES) as changes:
            if self._position is None:
                self._position = await self._log.size()
            while True:
                while events := await self._read(self._position):
                    for event in events:
                        self._publish(event)
                    self._position = events[-1].index + 1
                self._open.set()
                while await changes.next() is None:
                    pass

    def _forget_position(self) -> None:
        self._position = None

    async def _read(self, index: int) -> Sequence[Logged]:
        """The batch that holds `index`, none if the log ends before it."""
        begin, ids = await self._log.batch_at(index)
        return await self._logged({each: place for place, each in enumerate(ids, begin) if place >= index})


async def _may_have(current: CurrentCaller, record: Record) -> bool:
    caller = await current()
    ensure_may(caller, Action.READ_RECORD)
    return may_see_record(caller, record)
