"""Participants in MongoDB: one document each, found by id, code, credit code, status, qualification and text."""

from dataclasses import dataclass
from datetime import datetime

from service.access import ParticipantKind, QualificationType, Service
from service.pagination import Order, SortKey
from service.participants import ENDED, OPEN, Participant, ParticipantStatus
from service.qualifications import QualificationStatus
from service.storage.database import Database, Document, Index, Session
from service.storage.documents import Codec, Versioned, declare
from service.storage.search import SEARCH_PROPERTIES, search_fields, search_query

PARTICIPANT_CODEC = Codec(Participant)

BY_CODE = Order("code", (SortKey("participantCode"),))
BY_LEGAL_NAME = Order("name", (SortKey("legalName"), SortKey("_id")))

PARTICIPANTS = declare(
    "participants",
    PARTICIPANT_CODEC,
    Index((("participantCode", 1),), unique=True),  # a code is never used again
    Index((("heldUscc", 1),), unique=True, partial={"heldUscc": {"$gt": ""}}),
    Index((("uscc", 1), ("_id", 1))),
    Index((("legalName", 1), ("_id", 1))),
    Index((("status", 1), ("_id", 1))),
    Index((("status", 1), ("_id", 1), ("acceptance.agreementNumber", 1))),
    Index((("status", 1), ("participantCode", 1))),
    Index((("status", 1), ("legalName", 1), ("_id", 1))),
    Index((("kind", 1), ("_id", 1))),
    Index((("services.service", 1), ("_id", 1))),
    Index((("qualificationTerms", 1), ("_id", 1))),
    Index((("searchGrams", 1), ("_id", 1))),
    Index((("appliedAt", 1), ("_id", 1))),
    derived={
        **SEARCH_PROPERTIES,
        "heldUscc": {"bsonType": "string"},
        "qualificationTerms": {"bsonType": "array", "items": {"bsonType": "string"}},
        "rosterTouched": {"bsonType": ["int", "long"]},
    },
)
"""`heldUscc` is there until the standing has ended: one institution, one participant at a time.

`qualificationTerms` holds each type, and each type with its status: either is found by equality, in the order of ids.
"""


def _derived(participant: Participant) -> Document:
    names = (participant.legal_name, participant.legal_name_en or "", participant.participant_code)
    held = {} if participant.status in ENDED else {"heldUscc": participant.uscc}
    terms = {_term(each.type, status) for each in participant.qualifications for status in (None, each.status)}
    return {**search_fields(*names), **held, "qualificationTerms": sorted(terms)}


def _term(kind: QualificationType, status: QualificationStatus | None) -> str:
    return kind.value if status is None else f"{kind.value}/{status.value}"


@dataclass(frozen=True, slots=True)
class ParticipantFilter:
    """What all hold together; None asks nothing. `text` is looked for in names and code.

    `qualification_status` is that of `qualification` and means nothing without it.
    """

    status: ParticipantStatus | None = None
    kind: ParticipantKind | None = None
    service: Service | None = None
    qualification: QualificationType | None = None
    qualification_status: QualificationStatus | None = None
    uscc: str | None = None
    text: str | None = None
    applied_from: datetime | None = None
    applied_before: datetime | None = None


def participant_query(wanted: ParticipantFilter, only: str | None) -> Document:
    """`only`: the one participant the caller may see, or None for all. Raises BadInput for a text nobody can have."""
    query: Document = {} if only is None else {"_id": only}
    if wanted.status is not None:
        query["status"] = wanted.status.value
    if wanted.kind is not None:
        query["kind"] = wanted.kind.value
    if wanted.service is not None:
        query["services.service"] = wanted.service.value
    if wanted.qualification is not None:
        query["qualificationTerms"] = _term(wanted.qualification, wanted.qualification_status)
    if wanted.uscc is not None:
        query["uscc"] = wanted.uscc
    if wanted.text is not None:
        query.update(search_query(wanted.text))
    if wanted.applied_from is not None or wanted.applied_before is not None:
        query["appliedAt"] = time_range(wanted.applied_from, wanted.applied_before)
    return query


def time_range(start: datetime | None, end: datetime | None) -> Document:
    """From `start` on, up to but without `end`."""
    bounds = {"$gte": start, "$lt": end}
    return {operator: bound for operator, bound in bounds.items() if bound is not None}


class ParticipantStore(Versioned[Participant]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, PARTICIPANTS, PARTICIPANT_CODEC, _derived)

    async def find_by_code(self, code: str, session: Session = None) -> Participant | None:
        return await self.find_by({"participantCode": code}, session)

    async def find_holding(self, uscc: str, session: Session = None) -> Participant | None:
        """The participant of this credit code whose standing has not ended."""
        return await self.find_by({"heldUscc": uscc}, session)

    async def open_without(self, number: int, after: str, limit: int) -> list[str]:
        """Ids beyond `after`, in their order, of open participants whose latest acceptance is of an older version."""
        query = {
            "status": {"$in": [each.value for each in OPEN]},
            "_id": {"$gt": after},
            "acceptance.agreementNumber": {"$lt": number},
        }
        found = await self.collection.find(query, {"_id": 1}).sort("_id", 1).limit(limit).to_list(limit)
        return [each["_id"] for each in found]

    async def keep_acceptances(self, session: Session, participant: Participant) -> None:
        """Store what the participant has accepted, and nothing else of it.

        Its version stays, since consent by use comes with acts that are about something else: who read the participant
        before them has read what is still so. A concurrent `replace` meets this write in the database, and is retried.
        """
        document = PARTICIPANT_CODEC.encode(participant)
        changed = {key: document[key] for key in ("acceptance", "formerAcceptances")}
        await self.collection.update_one({"_id": participant.id}, {"$set": changed}, session=session)

    async def touch_roster(self, session: Session, participant_id: str) -> None:
        """Makes two transactions that look at the same participant's operators meet: one of them is tried again."""
        await self.collection.update_one({"_id": participant_id}, {"$inc": {"rosterTouched": 1}}, session=session)
