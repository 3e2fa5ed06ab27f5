"""Use of permissions in MongoDB: one document per operator, permission and day, counted up in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from service.access import Permission
from service.operator_reviews import PermissionUse
from service.storage.database import Collection, Database, Index

KEPT_DAYS = 400

PERMISSION_USE = Collection(
    "permission_use",
    properties={
        "_id": {"bsonType": "string"},
        "operatorId": {"bsonType": "string"},
        "permission": {"enum": [permission.value for permission in Permission]},
        "day": {"bsonType": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "times": {"bsonType": ["int", "long"], "minimum": 1},
        "lastUsedAt": {"bsonType": "date"},
    },
    required=("operatorId", "permission", "day", "times", "lastUsedAt"),
    indexes=(
        Index((("operatorId", 1), ("day", 1))),
        Index((("lastUsedAt", 1),), expire_after_seconds=KEPT_DAYS * 86_400),
    ),
)


@dataclass(frozen=True, slots=True)
class DailyUse:
    """How often an operator used a permission on one day, since it was last written."""

    operator_id: str
    permission: Permission
    day: date
    times: int
    last_used_at: datetime


class UsageStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._marks = {"environment": database.world.environment.value, "binding": database.world.binding}

    @property
    def _collection(self) -> Any:
        return self._database.collection(PERMISSION_USE)

    async def add(self, use: DailyUse) -> None:
        """One upsert. Sent twice it counts twice: what is lost or doubled at a crash is a count, never a record."""
        day = use.day.isoformat()
        fields = {"operatorId": use.operator_id, "permission": use.permission.value, "day": day, **self._marks}
        await self._collection.update_one(
            {"_id": f"{use.operator_id}/{use.permission.value}/{day}"},
            {"$inc": {"times": use.times}, "$max": {"lastUsedAt": use.last_used_at}, "$setOnInsert": fields},
            upsert=True,
        )

    async def uses_of(self, operator_ids: Sequence[str], since: date) -> list[list[PermissionUse]]:
        """What each of these operators used since that day, in their order."""
        pipeline = [
            {"$match": {"operatorId": {"$in": list(operator_ids)}, "day": {"$gte": since.isoformat()}}},
            {
                "$group": {
                    "_id": {"operator": "$operatorId", "permission": "$permission"},
                    "times": {"$sum": "$times"},
                    "last": {"$max": "$lastUsedAt"},
                }
            },
        ]
        found: dict[str, list[PermissionUse]] = {operator_id: [] for operator_id in operator_ids}
        for each in await self._collection.aggregate(pipeline).to_list(None):
            use = PermissionUse(Permission(each["_id"]["permission"]), each["times"], each["last"])
            found[each["_id"]["operator"]].append(use)
        return [found[operator_id] for operator_id in operator_ids]
