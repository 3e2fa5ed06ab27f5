"""The acts on applications: apply, submit, withdraw, review, take effect (art. 6, 7, 16, 18)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from service import institution_numbers as numbers
from service.access import (
    ROLE_CEILINGS,
    SYSTEM,
    Caller,
    OperatorRole,
    may_see,
    own_participant,
    permissions_of,
)
from service.acts import Act, Acts, Done, ensure_version
from service.applications import (
    Application,
    ApplicationCommand,
    ApplicationStatus,
    ApplicationType,
    FirstAdministrator,
    Material,
    Review,
    changed_fields,
    effected,
    information_on,
    is_due,
    reviewed,
    submitted,
    type_of_change,
    withdrawn,
)
from service.clock import business_date
from service.endings import CertificateEndings, end_all_access
from service.identifiers import Kind
from service.operators import OffboardReason, Operator, OperatorStatus
from service.pagination import Page, PageRequest
from service.participants import (
    ENDED,
    LEGACY_NOTICE_NUMBER,
    Acceptance,
    AcceptanceManner,
    Information,
    Participant,
    ParticipantStatus,
    asked_to_close,
    closed,
    granted_services,
    information_of,
    not_closed,
    opened,
    with_information,
)
from service.personal_data import PersonalData
from service.policy import Action, ensure_second_person
from service.records import Record
from service.refusals import Findings, RefusalCode, refuse
from service.registration import AdministratorInput, InformationInput, parse_administrator, parse_information
from service.storage.applications import APPLICATION_CODEC, ApplicationFilter, ApplicationStore, application_query
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore


class AgreementInForce(Protocol):
    """What of an agreement an acceptance names."""

    @property
    def number(self) -> int: ...
    @property
    def content_hash(self) -> str: ...


class Agreements(Protocol):
    async def find(self, caller: Caller, number: int | None = None) -> AgreementInForce | None:
        """The version in force today when `number` is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessInput:
    """An application to open (开通申请). `agreement_number`: the version that applying accepts (art. 7)."""

    participant_code: str
    applicant_uscc: str
    information: InformationInput
    administrator: AdministratorInput
    materials: tuple[Material, ...] = ()
    truth_declared: bool = False
    agreement_number: int | None = None
    submit: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What is handed in (again) with a submission; None leaves a part as it is."""

    information: InformationInput | None = None
    administrator: AdministratorInput | None = None
    materials: tuple[Material, ...] | None = None
    truth_declared: bool | None = None
    agreement_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeInput:
    """An application to change registered information, the name included (art. 16)."""

    applicant_uscc: str
    information: InformationInput
    materials: tuple[Material, ...] = ()
    truth_declared: bool = False
    effective_from: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureInput:
    """An application to close (art. 18)."""

    applicant_uscc: str
    materials: tuple[Material, ...] = ()
    truth_declared: bool = False
    reason: str | None = None
    effective_from: date | None = None


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
    ) -> None:
        self._acts = acts
        self._applications = applications
        self._participants = participants
        self._operators = operators
        self._agreements = agreements
        self._certificates = certificates
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
            findings = Findings()
            uscc = findings.attempt(numbers.parse_uscc, given.applicant_uscc, "applicantUscc") or ""
            code = findings.attempt(numbers.parse_participant_code, given.participant_code, "participantCode") or ""
            held = await self._ensure_unopened(act, uscc, code, findings)
            participant_id = held.id if held else act.new_id(Kind.PARTICIPANT)
            operator_id = act.new_id(Kind.OPERATOR)
            information = findings.attempt(
                parse_information, given.information, self._personal_data, participant_id, "information"
            )
            administrator = findings.attempt(
                parse_administrator, given.administrator, self._personal_data, operator_id, "administrator"
            )
            acceptance = await self._accepted(act, given.agreement_number, findings)
            findings.raise_any()
            application = self._blank(
                act,
                ApplicationType.OPEN,
                participant_id,
                applicant_uscc=uscc,
                after=information,
                administrator=administrator,
                materials=given.materials,
                truth_declared=given.truth_declared,
            )
            if given.submit:
                application = submitted(application, by=act.caller.id, at=act.at, today=business_date(act.at))
            if information is not None:
                await self._keep_pending(
                    act, held, participant_id=participant_id, code=code, information=information, acceptance=acceptance
                )
            return await self._insert(act, application)

        return await self._acts.perform(
            caller, Action.APPLY_FOR_ACCESS, APPLICATION_CODEC, work, given={"input": given}, key=key
        )

    async def _ensure_unopened(self, act: Act, uscc: str, code: str, findings: Findings) -> Participant | None:
        """The PENDING participant that a former application left, if there is one."""
        held = await self._participants.find_holding(uscc, act.session)
        if held is not None:
            pending = await self._applications.find_pending(held.id, act.session)
            if held.status is not ParticipantStatus.PENDING or pending is not None:
                findings.add(RefusalCode.PARTICIPANT_ALREADY_OPEN, "applicantUscc")
        namesake = await self._participants.find_by_code(code, act.session)
        if namesake is not None and (held is None or namesake.id != held.id):
            findings.add(RefusalCode.PARTICIPANT_CODE_TAKEN, "participantCode", found=code)
        return held

    async def _accepted(self, act: Act, number: int | None, findings: Findings) -> Acceptance | None:
        """Applying is accepting (art. 7): the version named must be the one in force."""
        if number is None:
            return None
        if number == LEGACY_NOTICE_NUMBER:
            findings.add(RefusalCode.LEGACY_NOTICE_ENDED, "agreementNumber")
            return None
        agreement = await self._agreements.find(act.caller)
        if agreement is None or agreement.number != number:
            findings.add(RefusalCode.ACCEPTANCE_MISSING, "agreementNumber")
            return None
        manner = AcceptanceManner.BY_APPLICATION
        return Acceptance(agreement.number, agreement.content_hash, manner, act.at, act.caller.id)

    async def _keep_pending(
        self,
        act: Act,
        held: Participant | None,
        *,
        participant_id: str,
        code: str,
        information: Information,
        acceptance: Acceptance | None,
    ) -> None:
        if held is None:
            fresh = Participant(
                id=participant_id,
                version=1,
                participant_code=code,
                status=ParticipantStatus.PENDING,
                kind=information.kind,
                legal_name=information.legal_name,
                uscc=information.uscc,
                applied_at=act.at,
                acceptance=acceptance,
            )
            await self._participants.insert(act.session, with_information(fresh, information))
        else:
            renewed = replace(with_information(held, information), participant_code=code, acceptance=acceptance)
            await self._participants.replace(act.session, renewed)

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
            participant = await self._participant(act, participant_id, expected_version)
            if participant.status not in {ParticipantStatus.ACTIVE, ParticipantStatus.SUSPENDED}:
                raise refuse(
                    RefusalCode.PARTICIPANT_STATE, status=participant.status.value, command="CHANGE_INFORMATION"
                )
            before = information_of(participant)
            uscc = numbers.parse_uscc(given.applicant_uscc, "applicantUscc")
            after = parse_information(given.information, self._personal_data, participant.id, "information")
            application = self._blank(
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
            return await self._hand_in(act, application)

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
            participant = await self._participant(act, participant_id, expected_version)
            application = self._blank(
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
            done = await self._hand_in(act, application)
            await self._participants.replace(act.session, closing)
            return done

        asked = {"participant": participant_id, "version": expected_version, "input": given}
        return await self._acts.perform(caller, Action.APPLY_FOR_CLOSURE, APPLICATION_CODEC, work, given=asked, key=key)

    async def _hand_in(self, act: Act, application: Application) -> Done[Application]:
        if await self._applications.find_pending(application.participant_id, act.session):
            raise refuse(RefusalCode.APPLICATION_PENDING, "participantId")
        handed_in = submitted(application, by=act.caller.id, at=act.at, today=business_date(act.at))
        return await self._insert(act, handed_in)

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
            application = await self._application(act, application_id, expected_version)
            amended = self._amended(application, given)
            handed_in = submitted(amended, by=act.caller.id, at=act.at, today=business_date(act.at))
            if handed_in.type is ApplicationType.OPEN and handed_in.after is not None:
                findings = Findings()
                participant = await self._participants.find(handed_in.participant_id, act.session)
                acceptance = await self._accepted(act, given.agreement_number, findings)
                findings.raise_any()
                if participant is not None:
                    await self._keep_pending(
                        act,
                        participant,
                        participant_id=participant.id,
                        code=participant.participant_code,
                        information=handed_in.after,
                        acceptance=acceptance or participant.acceptance,
                    )
            return await self._keep(act, handed_in, "application.submitted", {})

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
            application = await self._application(act, application_id, expected_version)
            changed = withdrawn(application)
            await self._stay_open(act, application)
            return await self._keep(act, changed, "application.withdrawn", {})

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
            application = await self._application(act, application_id, expected_version)
            ensure_second_person(act.caller, action, application.submitted_by)
            changed = reviewed(application, Review(decision, act.at, act.caller.id, reason))
            if decision is ApplicationCommand.REJECT:
                await self._stay_open(act, application)
            kind = f"application.{changed.status.lower()}"
            done = await self._keep(act, changed, kind, {"reason": reason})
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

        With a participant, by that participant's time.
        """
        caller = replace(SYSTEM, participant_id=participant_id)
        today = business_date(self._acts.now(caller))
        done = [
            await self._effect_one(replace(SYSTEM, participant_id=each.participant_id), each)
            for each in await self._applications.due(today, participant_id, limit)
        ]
        return [each for each in done if each.status is ApplicationStatus.EFFECTED]

    async def _effect_one(self, caller: Caller, due: Application) -> Application:
        async def work(act: Act) -> Done[Application]:
            application = await self._application(act, due.id, None)
            if application.status is not ApplicationStatus.APPROVED or not is_due(application, business_date(act.at)):
                return Done(application, None)  # another process was faster, or this participant's day is not there
            return await self._effect(act, application)

        given = {"application": due.id}
        done = await self._acts.perform(caller, Action.EFFECT_APPLICATION, APPLICATION_CODEC, work, given=given)
        return done.subject

    async def _effect(self, act: Act, application: Application) -> Done[Application]:
        """What was approved becomes so, in the same transaction as everything that follows from it."""
        participant = await self._participant(act, application.participant_id)
        match application.type:
            case ApplicationType.OPEN:
                content = await self._open(act, application, participant)
            case ApplicationType.CLOSE:
                content = await self._close(act, participant)
            case ApplicationType.RENAME | ApplicationType.INFO_CHANGE:
                content = await self._change(act, application, participant)
        changed = effected(application, act.at)
        return await self._keep(act, changed, "application.effected", content)

    async def _open(self, act: Act, application: Application, participant: Participant) -> dict[str, object]:
        """Opening forms the agreement (art. 7): the acceptance is of the version in force on this day, or it fails."""
        agreement = await self._agreements.find(act.caller)
        acceptance = participant.acceptance
        if acceptance is None or agreement is None or acceptance.agreement_number != agreement.number:
            raise refuse(RefusalCode.ACCEPTANCE_MISSING, "acceptance")
        now_open = await self._participants.replace(act.session, opened(participant, officer=act.caller.id, at=act.at))
        content: dict[str, object] = {
            "agreement": acceptance.agreement_number,
            "agreementHash": acceptance.content_hash,
            "services": sorted(granted_services(now_open)),
        }
        await act.record("participant.opened", participant.id, participant.id, content)
        if application.administrator is not None:
            await self._register_first(act, application, now_open)
        return {}

    async def _register_first(self, act: Act, application: Application, participant: Participant) -> None:
        named = application.administrator
        if named is None:
            return
        granted = permissions_of(granted_services(participant))
        operator = Operator(
            id=named.operator_id,
            version=1,
            participant_id=participant.id,
            operator_number=named.operator_number,
            name=named.name,
            role=OperatorRole.ADMINISTRATOR,
            status=OperatorStatus.ACTIVE,
            permissions=tuple(sorted(granted & ROLE_CEILINGS[OperatorRole.ADMINISTRATOR])),
            telephone=named.telephone,
            registered_at=act.at,
        )
        await self._operators.insert(act.session, operator)
        content: dict[str, object] = {"number": operator.operator_number, "role": operator.role, "first": True}
        await act.record("operator.registered", operator.id, participant.id, content)

    async def _change(self, act: Act, application: Application, participant: Participant) -> dict[str, object]:
        if participant.status in ENDED or application.before is None or application.after is None:
            raise refuse(RefusalCode.PARTICIPANT_STATE, status=participant.status.value, command="CHANGE_INFORMATION")
        await self._participants.replace(act.session, with_information(participant, application.after))
        changed = list(changed_fields(application.before, application.after))
        content: dict[str, object] = {"fields": changed, "application": application.id}
        await act.record("participant.information.changed", participant.id, participant.id, content)
        return {}

    async def _close(self, act: Act, participant: Participant) -> dict[str, object]:
        """Art. 18: permissions, SMS, sessions and certificates end with the standing; every record stays."""
        reason = OffboardReason.PARTICIPANT_CLOSED
        content = await end_all_access(act, self._operators, self._certificates, participant.id, reason)
        await self._participants.replace(act.session, closed(participant, act.at))
        await act.record("participant.closed", participant.id, participant.id, content)
        return {}

    async def _stay_open(self, act: Act, application: Application) -> None:
        if application.type is not ApplicationType.CLOSE:
            return
        participant = await self._participant(act, application.participant_id)
        if participant.status is ParticipantStatus.CLOSING:
            await self._participants.replace(act.session, not_closed(participant))

    def _blank(
        self,
        act: Act,
        kind: ApplicationType,
        participant_id: str,
        *,
        applicant_uscc: str,
        before: Information | None = None,
        after: Information | None = None,
        administrator: FirstAdministrator | None = None,
        materials: tuple[Material, ...],
        truth_declared: bool,
        reason: str | None = None,
        effective_from: date | None = None,
    ) -> Application:
        return Application(
            id=act.new_id(Kind.APPLICATION),
            version=1,
            type=kind,
            status=ApplicationStatus.DRAFT,
            participant_id=participant_id,
            applicant_uscc=applicant_uscc,
            before=before,
            after=after,
            administrator=administrator,
            materials=materials,
            truth_declared=truth_declared,
            reason=reason,
            effective_from=effective_from,
            created_at=act.at,
            created_by=act.caller.id,
        )

    async def _application(self, act: Act, application_id: str, expected_version: int | None) -> Application:
        application = await self._applications.find(application_id, act.session)
        if application is None or not may_see(act.caller, application.participant_id):
            raise refuse(RefusalCode.APPLICATION_NOT_FOUND, "applicationId")
        ensure_version(application.version, expected_version)
        return application

    async def _participant(self, act: Act, participant_id: str, expected_version: int | None = None) -> Participant:
        participant = await self._participants.find(participant_id, act.session)
        if participant is None or not may_see(act.caller, participant_id):
            raise refuse(RefusalCode.PARTICIPANT_NOT_FOUND, "participantId")
        ensure_version(participant.version, expected_version)
        return participant

    async def _insert(self, act: Act, application: Application) -> Done[Application]:
        await self._applications.insert(act.session, application)
        return Done(application, await self._record(act, application, f"application.{application.status.lower()}", {}))

    async def _keep(self, act: Act, changed: Application, kind: str, content: dict[str, object]) -> Done[Application]:
        saved = await self._applications.replace(act.session, changed)
        return Done(saved, await self._record(act, saved, kind, content))

    async def _record(self, act: Act, application: Application, kind: str, content: dict[str, object]) -> Record:
        said = {
            "type": application.type,
            "applicant": application.applicant_uscc,
            "materials": [material.sha256 for material in application.materials],
            "truthDeclared": application.truth_declared,
            **content,
        }
        return await act.record(kind, application.id, application.participant_id, said)
