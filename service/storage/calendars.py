"""Calendar feeds in MongoDB: found by id, and by participant."""

from service.calendars import Calendar
from service.storage.database import Database, Index, Session
from service.storage.documents import Codec, Versioned, declare

CALENDAR_CODEC = Codec(Calendar)

CALENDARS = declare("calendars", CALENDAR_CODEC, Index((("participantId", 1), ("_id", 1))))


class CalendarStore(Versioned[Calendar]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, CALENDARS, CALENDAR_CODEC)

    async def of_participant(self, participant_id: str, session: Session = None) -> list[Calendar]:
        return await self.list_by({"participantId": participant_id}, 100, session)
