"""Checks of conformance in MongoDB: found by the institution's code or credit code, the latest first."""

from service.conformance import ConformanceCheck
from service.storage.database import Database, Index, Session
from service.storage.documents import Codec, Versioned, declare

CONFORMANCE_CODEC = Codec(ConformanceCheck)

CONFORMANCE_CHECKS = declare(
    "conformance_checks",
    CONFORMANCE_CODEC,
    Index((("participantCode", 1), ("endedAt", -1))),
    Index((("uscc", 1), ("endedAt", -1))),
    Index((("reportHash", 1),), unique=True),  # a report is taken once
)


class ConformanceStore(Versioned[ConformanceCheck]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, CONFORMANCE_CHECKS, CONFORMANCE_CODEC)

    async def find_by_report(self, report_hash: str, session: Session = None) -> ConformanceCheck | None:
        return await self.find_by({"reportHash": report_hash}, session)

    async def find_latest(self, participant_code: str, uscc: str, session: Session = None) -> ConformanceCheck | None:
        """The one of the latest run, of this code or this credit code."""
        found = [await self._latest({"participantCode": participant_code}, session)]
        found.append(await self._latest({"uscc": uscc}, session))
        return max((each for each in found if each is not None), key=lambda each: each.ended_at, default=None)

    async def _latest(self, query: dict[str, str], session: Session) -> ConformanceCheck | None:
        cursor = self.collection.find(query, session=session).sort("endedAt", -1).limit(1)
        documents = await cursor.to_list(1)
        return CONFORMANCE_CODEC.decode(documents[0]) if documents else None
