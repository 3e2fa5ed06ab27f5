"""Closing (关闭, art. 18): applied for and reviewed; with the standing ends every access, and every record stays."""

from dataclasses import dataclass
from datetime import date

from service import institution_numbers as numbers
from service.acts import Act, Done
from service.application_book import ApplicationBook
from service.applications import Application, ApplicationType, Material
from service.endings import CertificateEndings, end_all_access
from service.operators import OffboardReason
from service.participants import Participant, ParticipantStatus, asked_to_close, closed, information_of, not_closed
from service.storage.operators import OperatorStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureInput:
    """An application to close (art. 18)."""

    applicant_uscc: str
    materials: tuple[Material, ...] = ()
    truth_declared: bool = False
    reason: str | None = None
    effective_from: date | None = None


class Closures:
    def __init__(self, book: ApplicationBook, operators: OperatorStore, certificates: CertificateEndings) -> None:
        self._book = book
        self._operators = operators
        self._certificates = certificates

    async def apply(
        self, act: Act, participant_id: str, given: ClosureInput, expected_version: int | None
    ) -> Done[Application]:
        """Hand it in. The participant is CLOSING until the depository has decided."""
        participant = await self._book.get_participant(act, participant_id, expected_version)
        application = self._book.draw_up(
            act,
            ApplicationType.CLOSE,
            participant.id,
            applicant_uscc=numbers.parse_uscc(given.applicant_uscc, "applicantUscc"),
            before=information_of(participant),
            materials=given.materials,
            truth_declared=given.truth_declared,
            reason=given.reason,
            effective_from=given.effective_from,
        )
        closing = asked_to_close(participant)
        done = await self._book.hand_in(act, application)
        await self._book.participants.replace(act.session, closing)
        return done

    async def take_effect(self, act: Act, participant: Participant) -> None:
        """Permissions, SMS, sessions and certificates end with the standing; every record stays."""
        reason = OffboardReason.PARTICIPANT_CLOSED
        content = await end_all_access(act, self._operators, self._certificates, participant.id, reason)
        await self._book.participants.replace(act.session, closed(participant, act.at))
        await act.record("participant.closed", participant.id, participant.id, content)

    async def give_up(self, act: Act, application: Application) -> None:
        """The application came to nothing: the participant stays open."""
        participant = await self._book.get_participant(act, application.participant_id)
        if participant.status is ParticipantStatus.CLOSING:
            await self._book.participants.replace(act.session, not_closed(participant))
