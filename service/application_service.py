"""The life of applications (art. 6, 16, 18): handed in, withdrawn, reviewed, taking effect.

What each kind asks for and brings about: `openings`, `information_changes`, `closures`.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from service.access import SYSTEM, Caller, may_see, own_participant
from service.acts import Act, Acts, Done
from service.application_book import ApplicationBook
from service.applications import (
    Application,
    ApplicationCommand,
    ApplicationStatus,
    ApplicationType,
    Material,
    Review,
    effected,
    information_on,
    is_due,
    reviewed,
    submitted,
    type_of_change,
    withdrawn,
)
from service.clock import beginning_of, business_date
from service.closures import ClosureInput, Closures
from service.endings import CertificateEndings
from service.information_changes import ChangeInput, InformationChanges
from service.openings import AccessInput, Agreements, Conformance, Openings
from service.pagination import Page, PageRequest
from service.participants import Information, Participant, information_of
from service.personal_data import PersonalData
from service.policy import Action, ensure_second_person
from service.registration import AdministratorInput, InformationInput, parse_administrator, parse_information
from service.storage.applications import APPLICATION_CODEC, ApplicationFilter, ApplicationStore, application_query
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What is handed in (again) with a submission; None leaves a part as it is."""

    information: InformationInput | None = None
    administrator: AdministratorInput | None = None
    materials: tuple[Material, ...] | None = None
    truth_declared: bool | None = None
    agreement_number: int | None = None


class ApplicationService:
    def __init__(
        self,
        acts: Acts,
        *,
        applications: ApplicationStore,
        participants: ParticipantStore,
        operators: OperatorStore,
        agreements: Agreements,
        certificates: CertificateEndings,
        personal_data: PersonalData,
        conformance: Conformance,
    ) -> None:
        self._acts = acts
        self._applications = applications
        self._book = ApplicationBook(applications, participants)
        self._openings = Openings(self._book, operators, agreements, personal_data, conformance)
        self._changes = InformationChanges(self._book, personal_data)
        self._closures = Closures(self._book, operators, certificates)
        self._personal_data = personal_data

    async def find(self, caller: Caller, application_id: str) -> Application | None:
        return (await self.get_many(caller, [application_id]))[0]

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[Application | None]:
        """In the order of `ids`; None for what is not there, or not for this caller to see."""
        await self._acts.permit(caller, Action.READ_APPLICATION)
        found = await self._applications.get_many(ids)
        return [each if each and may_see(caller, each.participant_id) else None for each in found]

    async def page(self, caller: Caller, wanted: ApplicationFilter, request: PageRequest) -> Page[Application]:
        """Those that the filter asks for and the caller may see."""
        await self._acts.permit(caller, Action.READ_APPLICATION)
        return await self._applications.page(request, application_query(wanted, own_participant(caller)))

    async def count(self, caller: Caller, wanted: ApplicationFilter) -> int:
        await self._acts.permit(caller, Action.READ_APPLICATION)
        return await self._applications.count(application_query(wanted, own_participant(caller)))

    async def information_on(self, caller: Caller, participant: Participant, day: date) -> Information | None:
        """What was registered of the participant at the end of a day in Shanghai (art. 16)."""
        await self._acts.permit(caller, Action.READ_APPLICATION)
        if not may_see(caller, participant.id) or participant.opened_at is None:
            return None
        history = await self._applications.effected_of(participant.id)
        return information_on(day, information_of(participant), history)

    async def apply_for_access(
        self, caller: Caller, given: AccessInput, *, key: str | None = None
    ) -> Done[Application]:
        """File an institution's application to open, in its own name (art. 6). It is PENDING from here on."""

        async def work(act: Act) -> Done[Application]:
            return await self._openings.apply(act, given)

        return await self._acts.perform(
            caller, Action.APPLY_FOR_ACCESS, APPLICATION_CODEC, work, given={"input": given}, key=key
        )

    async def change_information(
        self,
        caller: Caller,
        participant_id: str,
        given: ChangeInput,
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Application]:
        """Apply to change what is registered; nothing changes until it is approved and its day has come (art. 16)."""

        async def work(act: Act) -> Done[Application]:
            return await self._changes.apply(act, participant_id, given, expected_version)

        asked = {"participant": participant_id, "version": expected_version, "input": given}
        return await self._acts.perform(
            caller, Action.CHANGE_INFORMATION, APPLICATION_CODEC, work, given=asked, key=key
        )

    async def apply_for_closure(
        self,
        caller: Caller,
        participant_id: str,
        given: ClosureInput,
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Application]:
        """Apply to close (art. 18). The participant is CLOSING until the depository has decided."""

        async def work(act: Act) -> Done[Application]:
            return await self._closures.apply(act, participant_id, given, expected_version)

        asked = {"participant": participant_id, "version": expected_version, "input": given}
        return await self._acts.perform(caller, Action.APPLY_FOR_CLOSURE, APPLICATION_CODEC, work, given=asked, key=key)

    async def submit(
        self,
        caller: Caller,
        application_id: str,
        amendment: Amendment | None = None,
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Application]:
        """Hand in a draft, or one that was returned, with what is amended."""
        given = amendment or Amendment()

        async def work(act: Act) -> Done[Application]:
            application = await self._book.get(act, application_id, expected_version)
            amended = self._amended(application, given)
            handed_in = submitted(amended, by=act.caller, at=act.at, today=business_date(act.at))
            if handed_in.type is ApplicationType.OPEN:
                await self._openings.resubmit(act, handed_in, given.agreement_number)
            return await self._book.keep(act, handed_in, "application.submitted", {})

        asked = {"application": application_id, "version": expected_version, "input": given}
        return await self._acts.perform(
            caller, Action.SUBMIT_APPLICATION, APPLICATION_CODEC, work, given=asked, key=key
        )

    def _amended(self, application: Application, given: Amendment) -> Application:
        participant_id = application.participant_id
        changed = application
        if given.information is not None and application.type is not ApplicationType.CLOSE:
            after = parse_information(given.information, self._personal_data, participant_id, "information")
            changed = replace(changed, after=after)
            if application.before is not None:
                changed = replace(changed, type=type_of_change(application.before, after))
        if given.administrator is not None and application.administrator is not None:
            operator_id = application.administrator.operator_id
            named = parse_administrator(given.administrator, self._personal_data, operator_id, "administrator")
            changed = replace(changed, administrator=named)
        if given.materials is not None:
            changed = replace(changed, materials=given.materials)
        if given.truth_declared is not None:
            changed = replace(changed, truth_declared=given.truth_declared)
        return changed

    async def withdraw(
        self, caller: Caller, application_id: str, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[Application]:
        """Take an application back before it is approved."""

        async def work(act: Act) -> Done[Application]:
            application = await self._book.get(act, application_id, expected_version)
            changed = withdrawn(application)
            await self._come_to_nothing(act, application)
            return await self._book.keep(act, changed, "application.withdrawn", {})

        asked = {"application": application_id, "version": expected_version}
        return await self._acts.perform(
            caller, Action.WITHDRAW_APPLICATION, APPLICATION_CODEC, work, given=asked, key=key
        )

    async def review(
        self,
        caller: Caller,
        application_id: str,
        decision: ApplicationCommand,
        reason: str | None = None,
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Application]:
        """TAKE_UP, RETURN, REJECT or APPROVE; who submitted does not decide. What is approved and due takes effect."""
        deciding = decision in {ApplicationCommand.APPROVE, ApplicationCommand.REJECT}
        action = Action.DECIDE_APPLICATION if deciding else Action.REVIEW_APPLICATION

        async def work(act: Act) -> Done[Application]:
            application = await self._book.get(act, application_id, expected_version)
            ensure_second_person(act.caller, action, application.submitted_by, application.certified_by)
            changed = reviewed(application, Review(decision, act.at, act.caller.id, reason))
            if decision is ApplicationCommand.REJECT:
                await self._come_to_nothing(act, application)
            kind = f"application.{changed.status.lower()}"
            done = await self._book.keep(act, changed, kind, {"reason": reason})
            if changed.status is ApplicationStatus.APPROVED and is_due(changed, business_date(act.at)):
                return await self._effect(act, done.subject)
            return done

        asked = {
            "application": application_id,
            "decision": decision.value,
            "reason": reason,
            "version": expected_version,
        }
        return await self._acts.perform(caller, action, APPLICATION_CODEC, work, given=asked, key=key)

    async def effect_due(self, participant_id: str | None = None, limit: int = 100) -> list[Application]:
        """The service's own job: approved applications whose day has come take effect, each in its own transaction.

        With a participant, by that participant's time. `limit`: of a batch. One that cannot take effect is logged and
        tried again the next time; the others do not wait for it.
        """
        caller = replace(SYSTEM, participant_id=participant_id)
        today = business_date(self._acts.now(caller))
        effected_ones: list[Application] = []
        after = ""
        while batch := await self._applications.due(today, participant_id, after, limit):
            effected_ones += [each for each in [await self._try_to_effect(due) for due in batch] if each is not None]
            after = batch[-1].id
        return effected_ones

    async def _try_to_effect(self, due: Application) -> Application | None:
        """None where it did not take effect."""
        try:
            done = await self._effect_one(replace(SYSTEM, participant_id=due.participant_id), due)
        except Exception:  # whatever it is, the next one may be able to
            _logger.exception("an application cannot take effect", extra={"application": due.id})
            return None
        return done if done.status is ApplicationStatus.EFFECTED else None

    async def effective_days(self, participant_id: str, after: datetime, until: datetime) -> Sequence[datetime]:
        """The beginnings of days on which there will be something for `effect_due` to do."""
        days = await self._applications.effective_days(participant_id, business_date(after), business_date(until))
        return [beginning_of(day) for day in days]

    async def _effect_one(self, caller: Caller, due: Application) -> Application:
        async def work(act: Act) -> Done[Application]:
            application = await self._book.get(act, due.id, None)
            if application.status is not ApplicationStatus.APPROVED or not is_due(application, business_date(act.at)):
                return Done(application, None)  # another process was faster, or this participant's day is not there
            return await self._effect(act, application)

        given = {"application": due.id}
        done = await self._acts.perform(caller, Action.EFFECT_APPLICATION, APPLICATION_CODEC, work, given=given)
        return done.subject

    async def _effect(self, act: Act, application: Application) -> Done[Application]:
        """What was approved becomes so, in the same transaction as everything that follows from it."""
        participant = await self._book.get_participant(act, application.participant_id)
        match application.type:
            case ApplicationType.OPEN:
                await self._openings.take_effect(act, application, participant)
            case ApplicationType.CLOSE:
                await self._closures.take_effect(act, participant)
            case ApplicationType.RENAME | ApplicationType.INFO_CHANGE:
                await self._changes.take_effect(act, application, participant)
        return await self._book.keep(act, effected(application, act.at), "application.effected", {})

    async def _come_to_nothing(self, act: Act, application: Application) -> None:
        if application.type is ApplicationType.CLOSE:
            await self._closures.give_up(act, application)
