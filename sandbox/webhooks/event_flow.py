"""From records to deliveries: what enters the log and concerns a tenant is queued for its webhooks, in the log's order.

How far the log was read is kept, and moved on only after what was read is queued: a crash between the two queues it
again, under the same ids, which does nothing. So each event is queued once and sent at least once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ulid import ULID

from sandbox.scenarios.catalogue import Arrival
from sandbox.scenarios.faults import LATE_BY, FaultTable
from sandbox.storage.arrivals import ArrivalStore
from sandbox.storage.deliveries import DeliveryStore
from sandbox.storage.event_cursors import EventCursorStore
from sandbox.storage.webhooks import WebhookStore
from sandbox.webhooks.deliveries import Delivery, DeliveryState
from sandbox.webhooks.endpoints import Endpoint, EndpointState
from sandbox.webhooks.event_types import FOR_ALL
from sandbox.webhooks.events import Event, event_of
from service.records import Record
from service.storage.log import LogStore
from service.storage.records import RecordStore
from service.world import World

MOST_WAITING = 1_000  # events that wait for a paused endpoint; what comes then is counted, and passes by
MOST_QUEUED = 20_000  # the same, of one that is not paused but slower than what happens
_BATCHES = 20  # read at a time


class EventFlow:
    def __init__(
        self,
        world: World,
        now: Callable[[], datetime],
        *,
        log: LogStore,
        records: RecordStore,
        cursors: EventCursorStore,
        endpoints: WebhookStore,
        deliveries: DeliveryStore,
        faults: FaultTable,
        arrivals: ArrivalStore,
    ) -> None:
        self._world = world
        self._now = now
        self._log = log
        self._records = records
        self._cursors = cursors
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._faults = faults
        self._arrivals = arrivals

    async def follow(self) -> int:
        """Queue what has entered the log since it was last read; answers how many records that were."""
        position = await self._cursors.find()
        if position is None:
            await self._cursors.advance(await self._log.size())
            return 0
        read = 0
        for _ in range(_BATCHES):
            begin, ids = await self._log.batch_at(position)
            fresh = ids[position - begin :]
            if not fresh:
                break
            await self._queue_records(position, fresh)
            position += len(fresh)
            read += len(fresh)
            await self._cursors.advance(position)
        return read

    async def _queue_records(self, position: int, ids: Sequence[str]) -> None:
        found = {each.id: each for each in await self._records.get_many(ids)}
        placed = [(position + place, found[each]) for place, each in enumerate(ids)]
        told = [(sequence, record) for sequence, record in placed if record.participant_id or record.kind in FOR_ALL]
        if not told:
            return
        concerned = {record.participant_id for _, record in told if record.participant_id}
        to_all = any(record.participant_id is None for _, record in told)
        endpoints = await self._endpoints.listening(None if to_all else concerned)
        if endpoints:
            arrivals = await self._arrivals.of(ids)
            await self.queue([self._event(record, sequence, arrivals) for sequence, record in told], endpoints)

    def _event(self, record: Record, sequence: int, arrivals: Mapping[str, Arrival]) -> Event:
        return replace(event_of(self._world, record, sequence), arrival=arrivals.get(record.id))

    async def fire(self, event: Event, tenant_id: str) -> list[Delivery]:
        """Queue an event for the endpoints of one tenant alone, whomever it says that it concerns."""
        return await self.queue([event], await self._endpoints.listening([tenant_id]))

    async def queue(self, events: Sequence[Event], endpoints: Iterable[Endpoint]) -> list[Delivery]:
        queued: list[Delivery] = []
        for endpoint in endpoints:
            wanted = [
                event
                for event in events
                if event.participant_id in {None, endpoint.tenant_id} and endpoint.wants(event.type)
            ]
            queued += await self._with_room(endpoint, wanted)
        await self._deliveries.keep(queued)
        return queued

    async def _with_room(self, endpoint: Endpoint, events: Sequence[Event]) -> list[Delivery]:
        """Those that still find room at the endpoint. The others are counted as missed."""
        if not events:
            return []
        most = MOST_WAITING if endpoint.state is EndpointState.PAUSED else MOST_QUEUED
        room = max(0, min(len(events), most - await self._deliveries.waiting(endpoint.id)))
        if room < len(events):
            await self._endpoints.missed(endpoint.id, len(events) - room)
        now = self._now()
        return [each for event in events[:room] for each in self._deliveries_of(event, endpoint, now)]

    def _deliveries_of(self, event: Event, endpoint: Endpoint, now: datetime) -> list[Delivery]:
        """One; twice or late where the tenant's faults, or the scenario of the request behind it, ask for that."""
        faults = self._faults.of(endpoint.tenant_id)
        late = event.arrival is Arrival.LATE or self._faults.happens(faults.late_events)
        twice = event.arrival is Arrival.TWICE or self._faults.happens(faults.duplicate_events)
        return [
            Delivery(
                id=f"{endpoint.id}/{event.id}" + (f"/{copy}" if copy > 1 else ""),
                version=1,
                tenant_id=endpoint.tenant_id,
                endpoint_id=endpoint.id,
                event_id=event.id,
                event_type=event.type,
                fired=event.fired,
                body=event.body,
                place=event.sequence,
                state=DeliveryState.PENDING,
                created_at=now,
                next_attempt_at=now + (LATE_BY if late else timedelta(0)),
            )
            for copy in ((1, 2) if twice else (1,))
        ]


def new_endpoint_id(world: World, at: datetime) -> str:
    return f"{world.id_prefix}-wh-{ULID.from_datetime(at)}"
