"""Exchanges in MongoDB: found by tenant and time, and by what one asks of them; gone after thirty days, or when
a tenant has too many."""

from collections.abc import AsyncIterator, Container, Sequence
from datetime import datetime

from pymongo import InsertOne, ReplaceOne

from sandbox.inspector.exchanges import KEPT, Exchange, ExchangeFilter, earliest_id, size_of
from sandbox.storage.removing import BATCH, remove_in_batches
from service.pagination import Page, PageRequest
from service.storage.database import Database, Document, Index
from service.storage.documents import Codec, Versioned, declare

_CODEC = Codec(Exchange)
MOST_SINCE = 2_000
_READ = 100  # at a time

EXCHANGES = declare(
    "sandbox_exchanges",
    _CODEC,
    Index((("participantId", 1), ("_id", 1))),
    Index((("participantId", 1), ("sized", 1))),
    Index((("participantId", 1), ("codes", 1), ("_id", 1))),
    Index((("participantId", 1), ("operationName", 1), ("_id", 1))),
    Index((("participantId", 1), ("outcome", 1), ("_id", 1))),
    Index((("participantId", 1), ("operatorId", 1), ("_id", 1))),
    Index((("at", 1),), expire_after_seconds=int(KEPT.total_seconds())),
    derived={"sized": {"bsonType": "string"}},
)
"""`sized` is the id and how many bytes it stands for, for `keep_newest`: in an index, so that nothing else is read."""


def _derived(exchange: Exchange) -> Document:
    return {"sized": f"{exchange.id}/{size_of(exchange)}"}


class ExchangeStore(Versioned[Exchange]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, EXCHANGES, _CODEC, _derived)

    async def write(self, exchanges: Sequence[Exchange], written: Container[str] = ()) -> None:
        """Each in the place of what was written of it before, if its id is among the `written`: that takes longer."""
        if exchanges:
            writes = [self._write_of(each, again=each.id in written) for each in exchanges]
            await self.collection.bulk_write(writes, ordered=False)

    def _write_of(self, exchange: Exchange, *, again: bool) -> InsertOne[Document] | ReplaceOne[Document]:
        document = self._document(exchange)
        return ReplaceOne({"_id": exchange.id}, document, upsert=True) if again else InsertOne(document)

    async def find_own(self, participant_id: str, exchange_id: str) -> Exchange | None:
        """None for another tenant's, as for none."""
        return await self.find_by({"_id": exchange_id, "participantId": participant_id})

    async def page_of(self, participant_id: str, wanted: ExchangeFilter, request: PageRequest) -> Page[Exchange]:
        """`request` asks in the order LATEST_FIRST or BY_ID."""
        return await self.page(request, query_of(participant_id, wanted))

    async def count_of(self, participant_id: str, wanted: ExchangeFilter) -> int:
        return await self.count(query_of(participant_id, wanted))

    async def since(self, participant_id: str, moment: datetime) -> AsyncIterator[Exchange]:
        """The oldest first; of more than MOST_SINCE, the first ones."""
        query = query_of(participant_id, ExchangeFilter(since=moment))
        cursor = self.collection.find(query).sort("_id", 1).limit(MOST_SINCE)
        async for each in cursor.batch_size(_READ):
            yield self._codec.decode(each)

    async def keep_newest(self, participant_id: str, most: int, most_bytes: int) -> int:
        """Remove what is older than the newest `most`, or beyond so many bytes; answers how many went."""
        cutoff = await self._first_beyond(participant_id, most, most_bytes)
        if cutoff is None:
            return 0
        return await remove_in_batches(self.collection, {"participantId": participant_id, "_id": {"$lte": cutoff}})

    async def _first_beyond(self, participant_id: str, most: int, most_bytes: int) -> str | None:
        number = size = 0
        query = {"participantId": participant_id, "sized": {"$gt": ""}}
        cursor = self.collection.find(query, {"_id": 0, "sized": 1}).sort("sized", -1)
        async for each in cursor.batch_size(BATCH):
            exchange_id, taken = each["sized"].split("/")
            number, size = number + 1, size + int(taken)
            if number > most or size > most_bytes:
                return str(exchange_id)
        return None

    async def forget(self, participant_id: str) -> None:
        await remove_in_batches(self.collection, {"participantId": participant_id})


def query_of(participant_id: str, wanted: ExchangeFilter) -> Document:
    plain = {
        "operationName": wanted.operation,
        "outcome": wanted.outcome.value if wanted.outcome else None,
        "codes": wanted.code,
        "operatorId": wanted.operator_id,
        "endpoint": wanted.endpoint.value if wanted.endpoint else None,
    }
    bounds = {"$gte": wanted.since, "$lt": wanted.until}
    within = {operator: earliest_id(at) for operator, at in bounds.items() if at is not None}
    query: Document = {"participantId": participant_id} | {key: value for key, value in plain.items() if value}
    return query | ({"_id": within} if within else {})
