"""The log in MongoDB: its state (one document, compared and swapped), its batches, its tiles, and the queue before it.

Batches, full tiles and records are never changed; the state and the last tile of each level grow with every batch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter

from pymongo.errors import DuplicateKeyError

from service.evidence.merkle import CompactRange
from service.evidence.tiles import WIDTH, Growth, Tile
from service.storage.database import Collection, Database, Document, Index, Session

BATCH = 256
NOBODY = ""  # in place of the participant of a record that concerns none: the depository's own
_AHEAD = 16  # batches looked at together, where only those with a participant's records are
_COUNT = {"bsonType": ["int", "long"], "minimum": 0}
_HASH = {"bsonType": "binData"}
_HASHES = {"bsonType": "array", "items": _HASH, "maxItems": WIDTH}

QUEUE = Collection(
    name="log_queue",
    properties={
        "_id": {"bsonType": "string"},
        "hash": {"bsonType": "string", "pattern": "^[0-9a-f]{64}$"},
        "participantId": {"bsonType": "string"},
    },
    required=("hash",),
    evidence=True,
)
LOG = Collection(
    name="log",
    properties={
        "_id": {"enum": ["log"]},
        "epoch": _COUNT,
        "beat": _COUNT,
        "holder": {"bsonType": ["string", "null"]},
        "size": _COUNT,
        "range": {"bsonType": "array", "items": _HASH},
        "checkpoint": {"bsonType": ["string", "null"]},
    },
    required=("epoch", "beat", "holder", "size", "range", "checkpoint"),
    evidence=True,
)
BATCHES = Collection(
    name="log_batches",
    properties={
        "_id": _COUNT,  # the index of its first record
        "epoch": _COUNT,
        "records": {"bsonType": "array", "items": {"bsonType": "string"}, "maxItems": BATCH},
        "participants": {"bsonType": "array", "items": {"bsonType": "string"}, "maxItems": BATCH},
        "hashes": _HASHES,
        "checkpoint": {"bsonType": "string"},
    },
    required=("epoch", "records", "hashes", "checkpoint"),
    indexes=(Index((("records", 1),)), Index((("participants", 1), ("_id", 1)))),
    evidence=True,
)
"""`participants`: whom each of `records` concerns, in their order. Batches from before it was kept have none."""
TILES = Collection(
    name="log_tiles",
    properties={"_id": {"bsonType": "string"}, "hashes": _HASHES},
    required=("hashes",),
    evidence=True,
)


class Fenced(Exception):
    """Another integrator leads, or the log has moved on: what was about to be written must not be."""


@dataclass(frozen=True, slots=True)
class LogState:
    """The log as its one document has it. `epoch` counts leaders, `beat` their signs of life."""

    epoch: int
    beat: int
    holder: str | None
    tree: CompactRange
    checkpoint: str | None

    @property
    def pulse(self) -> tuple[int, int, int]:
        """What changes as long as a leader lives."""
        return (self.epoch, self.beat, self.tree.size)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that enter the log together, at the indexes from the tree's size on.

    `participants` is empty where one was queued by a release that did not say whom it concerns.
    """

    records: tuple[str, ...]
    hashes: tuple[bytes, ...]
    participants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the log that was looked through, up to `end`: the places in it of the records that were asked for."""

    end: int
    places: dict[str, int]


class LogStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._marks = {"environment": database.world.environment.value, "binding": database.world.binding}

    async def find_state(self) -> LogState | None:
        stored = await self._database.collection(LOG).find_one({"_id": "log"})
        return _state(stored) if stored else None

    async def found(self) -> None:
        """Begin the log, empty and without a leader, unless it exists."""
        fresh = {"_id": "log", "epoch": 0, "beat": 0, "holder": None, "size": 0, "range": [], "checkpoint": None}
        try:
            await self._database.collection(LOG).insert_one(fresh | self._marks)
        except DuplicateKeyError:
            return

    async def take(self, seen: LogState, holder: str) -> LogState:
        """Become the leader in place of the one last seen. Raises Fenced if anything has happened since."""
        stored = await self._database.collection(LOG).find_one_and_update(
            {"_id": "log", "epoch": seen.epoch, "beat": seen.beat, "size": seen.tree.size},
            {"$set": {"holder": holder}, "$inc": {"epoch": 1}},
            return_document=True,
        )
        if stored is None:
            raise Fenced
        return _state(stored)

    async def beat(self, state: LogState) -> None:
        """Show that the leader of this epoch lives. Raises Fenced if it leads no more."""
        await self._swap({"epoch": state.epoch}, {"$inc": {"beat": 1}}, None)

    async def release(self, state: LogState) -> None:
        """Leave the lead, so that the next one need not wait. Raises Fenced if it was lost already."""
        await self._swap({"epoch": state.epoch}, {"$set": {"holder": None}}, None)

    async def begin(self, state: LogState, checkpoint: str) -> None:
        """Store the checkpoint of the empty log. Raises Fenced unless the state is still that of the epoch."""
        await self._swap({"epoch": state.epoch, "size": 0}, {"$set": {"checkpoint": checkpoint}}, None)

    async def queued(self, session: Session) -> Batch:
        """The next records to enter the log, oldest first, none if the queue is empty."""
        found = self._database.collection(QUEUE).find({}, session=session).sort("_id", 1).limit(BATCH)
        rows = await found.to_list(BATCH)
        participants = tuple(each["participantId"] for each in rows if "participantId" in each)
        return Batch(
            tuple(each["_id"] for each in rows),
            tuple(bytes.fromhex(each["hash"]) for each in rows),
            participants if len(participants) == len(rows) else (),
        )

    async def oldest_queued(self) -> str | None:
        """The id of the record that has waited longest."""
        rows = await self._database.collection(QUEUE).find({}, {"_id": 1}).sort("_id", 1).limit(1).to_list(1)
        return str(rows[0]["_id"]) if rows else None

    async def append(
        self,
        state: LogState,
        batch: Batch,
        *,
        tree: CompactRange,
        growths: Iterable[Growth],
        checkpoint: str,
        session: Session,
    ) -> None:
        """Write a batch, all of it or nothing, over exactly the state it was computed from. Raises Fenced otherwise."""
        await self._swap(
            {"epoch": state.epoch, "size": state.tree.size},
            {"$set": {"size": tree.size, "range": list(tree.hashes), "checkpoint": checkpoint}},
            session,
        )
        stored = {
            "_id": state.tree.size,
            "epoch": state.epoch,
            "records": list(batch.records),
            "hashes": list(batch.hashes),
            "checkpoint": checkpoint,
        }
        if batch.participants:
            stored["participants"] = list(batch.participants)
        await self._database.collection(BATCHES).insert_one(stored | self._marks, session=session)
        for growth in growths:
            await self._grow(growth, session)
        bounds = {"$gte": batch.records[0], "$lte": batch.records[-1]}
        deleted = await self._database.collection(QUEUE).delete_many({"_id": bounds}, session=session)
        if deleted.deleted_count != len(batch.records):  # a range is one cheap delete; it must hit what was read
            raise Fenced

    async def _grow(self, growth: Growth, session: Session) -> None:
        tiles, hashes = self._database.collection(TILES), list(growth.hashes)
        place = f"{growth.tile.level}/{growth.tile.index}"
        if growth.before == 0:
            await tiles.insert_one({"_id": place, "hashes": hashes, **self._marks}, session=session)
            return
        found = {"_id": place, "hashes": {"$size": growth.before}}
        result = await tiles.update_one(found, {"$push": {"hashes": {"$each": hashes}}}, session=session)
        if result.matched_count != 1:
            raise Fenced

    async def tiles(self, wanted: Iterable[Tile]) -> dict[Tile, list[bytes]]:
        """The hashes of those of these tiles that exist."""
        places = {f"{tile.level}/{tile.index}": tile for tile in wanted}
        found = await self._database.collection(TILES).find({"_id": {"$in": list(places)}}).to_list(len(places))
        return {places[each["_id"]]: list(each["hashes"]) for each in found}

    async def places(self, records: Sequence[str]) -> dict[str, int]:
        """The indexes in the log of those of these records that are in it."""
        wanted = set(records)
        found = self._database.collection(BATCHES).find({"records": {"$in": list(wanted)}}, {"records": 1})
        return {
            record: batch["_id"] + place
            for batch in await found.to_list(None)
            for place, record in enumerate(batch["records"])
            if record in wanted
        }

    async def size(self) -> int:
        """How many records are in the log."""
        stored = await self._database.collection(LOG).find_one({"_id": "log"}, {"size": 1})
        return int(stored["size"]) if stored else 0

    async def batch_at(self, index: int) -> tuple[int, list[str]]:
        """The batch that holds `index`: where it begins, and its records; none of them where the log ends before."""
        found = self._database.collection(BATCHES).find({"_id": {"$gt": index - BATCH, "$lte": index}}, {"records": 1})
        for batch in await found.sort("_id", -1).limit(1).to_list(1):
            if index < batch["_id"] + len(batch["records"]):
                return batch["_id"], batch["records"]
        return index, []

    async def stretch(self, begin: int, end: int, participant_id: str | None = None) -> Stretch:
        """Where, before `end`, the next records stand that concern a participant, or of all that there are: some 256.

        `begin` is where a batch does. Of a batch that does not say whom its records concern, all are answered.
        """
        collection, between = self._database.collection(BATCHES), {"_id": {"$gte": begin, "$lt": end}}
        concerning: list[Document] = [{"participants": participant_id}, {"participants": None}]
        ahead, found = _AHEAD, []
        if participant_id is None:
            concerning, ahead = [{}], 1
        for each in concerning:  # one by one: a union of the two is no walk along an index in its order
            cursor = collection.find(each | between, {"records": 1, "participants": 1}).sort("_id", 1)
            found += await cursor.limit(ahead).to_list(ahead)
        batches = sorted(found, key=itemgetter("_id"))[:ahead]
        places: dict[str, int] = {}
        for batch in batches:
            concerned = batch.get("participants") or repeat(participant_id)
            for place, (record, whose) in enumerate(zip(batch["records"], concerned, strict=False), batch["_id"]):
                if participant_id in {None, whose} and place < end:
                    places[record] = place
            if len(places) >= BATCH:
                return Stretch(batch["_id"] + len(batch["records"]), places)
        last = batches[-1] if len(batches) == ahead else None
        return Stretch(last["_id"] + len(last["records"]) if last else end, places)

    async def entries(self, begin: int, end: int) -> list[bytes]:
        """The record hashes at the indexes from `begin` up to `end`, as far as the log has them."""
        found = self._database.collection(BATCHES).find({"_id": {"$gt": begin - BATCH, "$lt": end}}, {"hashes": 1})
        hashes = {
            batch["_id"] + place: entry
            for batch in await found.to_list(None)
            for place, entry in enumerate(batch["hashes"])
        }
        return [bytes(hashes[index]) for index in range(begin, end) if index in hashes]

    async def _swap(self, expected: Document, change: Document, session: Session | None) -> None:
        result = await self._database.collection(LOG).update_one({"_id": "log", **expected}, change, session=session)
        if result.matched_count != 1:
            raise Fenced


def _state(stored: Document) -> LogState:
    tree = CompactRange(stored["size"], tuple(stored["range"]))
    return LogState(stored["epoch"], stored["beat"], stored["holder"], tree, stored["checkpoint"])
