"""Operators in MongoDB: one document each, permissions and SMS subscriptions inside, so that they end together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.access import OperatorRole, Permission
from service.operators import Operator, OperatorStatus
from service.pagination import Order, SortKey
from service.storage.database import Database, Document, Index, Session
from service.storage.documents import Codec, Versioned, declare
from service.storage.participants import time_range
from service.storage.search import SEARCH_PROPERTIES, found_by, search_fields, search_query

OPERATOR_CODEC = Codec(Operator)

BY_NUMBER = Order("number", (SortKey("operatorNumber"), SortKey("_id")))
BY_NAME = Order("name", (SortKey("name"), SortKey("_id")))

OPERATORS = declare(
    "operators",
    OPERATOR_CODEC,
    Index((("participantId", 1), ("operatorNumber", 1)), unique=True),  # ended ones stay: no number is used again
    Index((("participantId", 1), ("_id", 1))),
    Index((("participantId", 1), ("operatorNumber", 1), ("_id", 1))),
    Index((("participantId", 1), ("status", 1), ("_id", 1))),
    Index((("participantId", 1), ("role", 1), ("_id", 1))),
    Index((("participantId", 1), ("name", 1), ("_id", 1))),
    Index((("participantId", 1), ("permissions", 1), ("_id", 1))),
    Index((("participantId", 1), ("searchGrams", 1), ("_id", 1))),
    Index((("participantId", 1), ("lastSeenAt", 1), ("_id", 1))),
    Index((("status", 1), ("_id", 1))),
    Index((("role", 1), ("_id", 1))),
    Index((("permissions", 1), ("_id", 1))),
    Index((("operatorNumber", 1), ("_id", 1))),
    Index((("name", 1), ("_id", 1))),
    Index((("searchGrams", 1), ("_id", 1))),
    Index((("telephone.blindIndex", 1), ("_id", 1))),
    derived={**SEARCH_PROPERTIES, "touched": {"bsonType": ["int", "long"]}},
)


def _derived(operator: Operator) -> Document:
    return search_fields(operator.name, operator.operator_number)


@dataclass(frozen=True, slots=True)
class OperatorFilter:
    """What all hold together; None asks nothing. `text` is looked for in name and number."""

    participant_id: str | None = None
    status: OperatorStatus | None = None
    role: OperatorRole | None = None
    permission: Permission | None = None
    text: str | None = None
    telephone_index: str | None = None
    seen_before: datetime | None = None
    seen_from: datetime | None = None


def operator_query(wanted: OperatorFilter, only: str | None) -> Document:
    """`only`: the one participant whose operators the caller may see, or None for all."""
    query: Document = {}
    if wanted.participant_id is not None:
        query["participantId"] = wanted.participant_id
    if only is not None:  # what is asked of another participant is empty, not refused
        query = {"participantId": only} if wanted.participant_id in {None, only} else {"participantId": {"$in": []}}
    if wanted.status is not None:
        query["status"] = wanted.status.value
    if wanted.role is not None:
        query["role"] = wanted.role.value
    if wanted.permission is not None:
        query["permissions"] = wanted.permission.value
    if wanted.text is not None:
        query.update(search_query(wanted.text))
    if wanted.telephone_index is not None:
        query["telephone.blindIndex"] = wanted.telephone_index
    if wanted.seen_from is not None or wanted.seen_before is not None:
        query["lastSeenAt"] = time_range(wanted.seen_from, wanted.seen_before)
    return query


def fits(operator: Operator, wanted: OperatorFilter) -> bool:
    """Whether the filter finds the operator: `operator_query`, said of an operator at hand."""
    telephone, seen = operator.telephone, operator.last_seen_at
    return (
        wanted.participant_id in {None, operator.participant_id}
        and wanted.status in {None, operator.status}
        and wanted.role in {None, operator.role}
        and (wanted.permission is None or wanted.permission in operator.permissions)
        and (wanted.text is None or found_by(wanted.text, operator.name, operator.operator_number))
        and (wanted.telephone_index is None or (telephone and telephone.blind_index) == wanted.telephone_index)
        and (wanted.seen_from is None or (seen is not None and seen >= wanted.seen_from))
        and (wanted.seen_before is None or (seen is not None and seen < wanted.seen_before))
    )


class OperatorStore(Versioned[Operator]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, OPERATORS, OPERATOR_CODEC, _derived)

    async def find_by_number(self, participant_id: str, number: str, session: Session = None) -> Operator | None:
        return await self.find_by({"participantId": participant_id, "operatorNumber": number}, session)

    async def count_other_administrators(self, session: Session, operator: Operator) -> int:
        """Active administrators of the same participant beside this operator."""
        others = {
            "participantId": operator.participant_id,
            "status": OperatorStatus.ACTIVE.value,
            "role": OperatorRole.ADMINISTRATOR.value,
            "_id": {"$ne": operator.id},
        }
        return int(await self.collection.count_documents(others, session=session))

    async def standing(self, session: Session, participant_id: str, after: str, limit: int) -> Sequence[Operator]:
        """Those not offboarded, a batch at a time in the order of ids."""
        query = {
            "participantId": participant_id,
            "_id": {"$gt": after},
            "status": {"$in": [OperatorStatus.ACTIVE.value, OperatorStatus.FROZEN.value]},
        }
        return await self.list_by(query, limit, session)

    async def touch(self, session: Session, operator_id: str) -> None:
        """Makes a transaction that gives the operator something meet one that ends it: one of them is tried again."""
        await self.collection.update_one({"_id": operator_id}, {"$inc": {"touched": 1}}, session=session)

    async def saw(self, operator_id: str, at: datetime) -> None:
        """Not a change of the record: the version stays."""
        await self.collection.update_one({"_id": operator_id}, {"$max": {"lastSeenAt": at}})
