"""Changes of what is registered (变更, art. 16): applied for and reviewed, never edited; a new name is one of them."""

from dataclasses import dataclass
from datetime import date

from service import institution_numbers as numbers
from service.acts import Act, Done
from service.application_book import ApplicationBook
from service.applications import Application, Material, changed_fields, type_of_change
from service.participants import ENDED, Participant, ParticipantStatus, information_of, with_information
from service.personal_data import PersonalData
from service.refusals import RefusalCode, refuse
from service.registration import InformationInput, parse_information


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeInput:
    """An application to change registered information, the name included (art. 16)."""

    applicant_uscc: str
    information: InformationInput
    materials: tuple[Material, ...] = ()
    truth_declared: bool = False
    effective_from: date | None = None


class InformationChanges:
    def __init__(self, book: ApplicationBook, personal_data: PersonalData) -> None:
        self._book = book
        self._personal_data = personal_data

    async def apply(
        self, act: Act, participant_id: str, given: ChangeInput, expected_version: int | None
    ) -> Done[Application]:
        participant = await self._book.get_participant(act, participant_id, expected_version)
        if participant.status not in {ParticipantStatus.ACTIVE, ParticipantStatus.SUSPENDED}:
            raise refuse(RefusalCode.PARTICIPANT_STATE, status=participant.status.value, command="CHANGE_INFORMATION")
        # A termination at the same moment must meet this, or it would leave the application behind.
        await self._book.participants.touch_roster(act.session, participant.id)
        before = information_of(participant)
        uscc = numbers.parse_uscc(given.applicant_uscc, "applicantUscc")
        after = parse_information(given.information, self._personal_data, participant.id, "information")
        application = self._book.draw_up(
            act,
            type_of_change(before, after),
            participant.id,
            applicant_uscc=uscc,
            before=before,
            after=after,
            materials=given.materials,
            truth_declared=given.truth_declared,
            effective_from=given.effective_from,
        )
        return await self._book.hand_in(act, application)

    async def take_effect(self, act: Act, application: Application, participant: Participant) -> None:
        if participant.status in ENDED or application.before is None or application.after is None:
            raise refuse(RefusalCode.PARTICIPANT_STATE, status=participant.status.value, command="CHANGE_INFORMATION")
        await self._book.participants.replace(act.session, with_information(participant, application.after))
        changed = list(changed_fields(application.before, application.after))
        content: dict[str, object] = {"fields": changed, "application": application.id}
        await act.record("participant.information.changed", participant.id, participant.id, content)
