"""The end of an old certificate: the first use of its successor, or the end of their overlap (art. 14)."""

import functools
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from service.access import SYSTEM, Caller
from service.certificate_changes import superseded
from service.certificates import SEATED, Certificate
from service.clock import Clock
from service.records import RecordService
from service.storage.certificates import CertificateStore
from service.storage.database import Database, Session

_logger = logging.getLogger(__name__)


class CertificateUse:
    def __init__(
        self, database: Database, clock: Clock, records: RecordService, certificates: CertificateStore
    ) -> None:
        self._database = database
        self._clock = clock
        self._records = records
        self._certificates = certificates

    async def note(self, session: Session, caller: Caller, fingerprint: str) -> str | None:
        """A certificate is used, inside the transaction that uses it. Its first use ends the one before it.

        Answers the fingerprint of what that ended.
        """
        certificate = await self._certificates.find_by_fingerprint(fingerprint, session)
        if certificate is None or certificate.first_used_at is not None:
            return None
        at = self._now(certificate)
        await self._certificates.replace(session, replace(certificate, first_used_at=at))
        old = await self._certificates.find(certificate.supersedes_id, session) if certificate.supersedes_id else None
        if old is None or old.superseded_by_id != certificate.id:
            return None
        await self._supersede(session, caller, old, at)
        return old.fingerprint

    async def supersede_due(self, participant_id: str | None = None) -> int:
        """End the old ones whose overlap is over; answers how many. For a job, in any number of processes.

        With a participant, by that participant's time. One that cannot end is logged and tried again the next time; the
        others do not wait for it.
        """
        due = await self._certificates.overlaps_due(self._clock.now(participant_id), participant_id)
        return sum([await self._try_to_supersede(each) for each in due])

    async def overlaps_ending(self, participant_id: str, after: datetime, until: datetime) -> Sequence[datetime]:
        """When there will be something for `supersede_due` to do."""
        return await self._certificates.overlaps_ending(participant_id, after, until)

    async def _try_to_supersede(self, certificate_id: str) -> int:
        """0 where it did not end."""
        try:
            return await self._database.transaction(functools.partial(self._supersede_found, certificate_id))
        except Exception:  # whatever it is, the next one may be able to
            _logger.exception("an old certificate cannot end", extra={"certificate": certificate_id})
            return 0

    async def _supersede_found(self, certificate_id: str, session: Session) -> int:
        old = await self._certificates.find(certificate_id, session)
        if old is None or old.state not in SEATED:  # another process was faster
            return 0
        await self._supersede(session, replace(SYSTEM, participant_id=old.participant_id), old, self._now(old))
        return 1

    async def _supersede(self, session: Session, caller: Caller, old: Certificate, at: datetime) -> None:
        if old.state not in SEATED:
            return
        saved = await self._certificates.replace(session, superseded(old, at))
        content = {"by": saved.superseded_by_id}
        await self._records.write(caller, session, "certificate.superseded", saved.id, saved.participant_id, content)

    def _now(self, certificate: Certificate) -> datetime:
        at = self._clock.now(certificate.participant_id)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)  # what the database keeps of a time
