"""Applications in MongoDB: found by participant, status, type and the day they take effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from service.applications import SETTLED, Application, ApplicationStatus, ApplicationType
from service.storage.database import Database, Document, Index, Session
from service.storage.documents import Codec, Versioned, declare

APPLICATION_CODEC = Codec(Application)

APPLICATIONS = declare(
    "applications",
    APPLICATION_CODEC,
    Index((("pendingOf", 1),), unique=True, partial={"pendingOf": {"$gt": ""}}),
    Index((("participantId", 1), ("_id", 1))),
    Index((("status", 1), ("_id", 1))),
    Index((("type", 1), ("_id", 1))),
    Index((("status", 1), ("effectiveFrom", 1))),
    derived={"pendingOf": {"bsonType": "string"}},
)
"""`pendingOf` names the participant until the application is settled: one at a time is handled."""


def _derived(application: Application) -> Document:
    return {} if application.status in SETTLED else {"pendingOf": application.participant_id}


@dataclass(frozen=True, slots=True)
class ApplicationFilter:
    """What all hold together; None asks nothing."""

    status: ApplicationStatus | None = None
    type: ApplicationType | None = None
    participant_id: str | None = None


def application_query(wanted: ApplicationFilter, only: str | None) -> Document:
    """`only`: the one participant whose applications the caller may see, or None for all."""
    query: Document = {}
    if wanted.participant_id is not None:
        query["participantId"] = wanted.participant_id
    if only is not None:  # what is asked of another participant is empty, not refused
        query = {"participantId": only} if wanted.participant_id in {None, only} else {"participantId": {"$in": []}}
    if wanted.status is not None:
        query["status"] = wanted.status.value
    if wanted.type is not None:
        query["type"] = wanted.type.value
    return query


class ApplicationStore(Versioned[Application]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, APPLICATIONS, APPLICATION_CODEC, _derived)

    async def find_pending(self, participant_id: str, session: Session = None) -> Application | None:
        return await self.find_by({"pendingOf": participant_id}, session)

    async def effected_of(self, participant_id: str, limit: int = 1000) -> Sequence[Application]:
        return await self.list_by({"participantId": participant_id, "status": ApplicationStatus.EFFECTED.value}, limit)

    async def due(self, today: date, participant_id: str | None, after: str, limit: int) -> Sequence[Application]:
        """Approved ones whose day has come, of one participant or of all, a batch at a time in the order of ids."""
        query: Document = {
            "status": ApplicationStatus.APPROVED.value,
            "effectiveFrom": {"$lte": today.isoformat()},
            "_id": {"$gt": after},
        }
        if participant_id is not None:
            query["participantId"] = participant_id
        return await self.list_by(query, limit)

    async def effective_days(self, participant_id: str, after: date, until: date) -> list[date]:
        """The days beyond one, up to another, on which approved ones of a participant take effect."""
        query = {
            "participantId": participant_id,
            "status": ApplicationStatus.APPROVED.value,
            "effectiveFrom": {"$gt": after.isoformat(), "$lte": until.isoformat()},
        }
        found = await self.collection.find(query, {"effectiveFrom": 1}).to_list(None)
        return [date.fromisoformat(each["effectiveFrom"]) for each in found]
