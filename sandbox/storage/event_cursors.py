"""How far the log was read for webhooks: one document, which only goes forward."""

from service.storage.database import Collection, Database

EVENT_CURSORS = Collection(
    name="sandbox_event_cursors",
    properties={"_id": {"enum": ["webhooks"]}, "position": {"bsonType": ["int", "long"], "minimum": 0}},
    required=("position",),
)


class EventCursorStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._marks = {"environment": database.world.environment.value, "binding": database.world.binding}

    async def find(self) -> int | None:
        """The index in the log of the next record to read; None before the first."""
        found = await self._database.collection(EVENT_CURSORS).find_one({"_id": "webhooks"})
        return None if found is None else int(found["position"])

    async def advance(self, position: int) -> None:
        change = {"$max": {"position": position}, "$setOnInsert": self._marks}
        await self._database.collection(EVENT_CURSORS).update_one({"_id": "webhooks"}, change, upsert=True)
