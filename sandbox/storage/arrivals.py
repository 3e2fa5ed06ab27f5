"""How the events of some records are to arrive, as the requests that made these records asked: kept for a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.scenarios.catalogue import Arrival
from service.storage.database import Database, Index, Session
from service.storage.documents import Codec, Versioned, declare

KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedArrival:
    """`id` is the record's."""

    id: str
    arrival: Arrival
    asked_at: datetime


_CODEC = Codec(AskedArrival)

ARRIVALS = declare("sandbox_arrivals", _CODEC, Index((("askedAt", 1),), expire_after_seconds=int(KEPT.total_seconds())))


class ArrivalStore(Versioned[AskedArrival]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, ARRIVALS, _CODEC)

    async def ask(self, session: Session, record_id: str, arrival: Arrival, at: datetime) -> None:
        """With the record, in its transaction."""
        await self.insert(session, AskedArrival(id=record_id, arrival=arrival, asked_at=at))

    async def of(self, record_ids: Sequence[str]) -> dict[str, Arrival]:
        """Of those that asked, by record."""
        return {each.id: each.arrival for each in await self.get_many(record_ids) if each is not None}
