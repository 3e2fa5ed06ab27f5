"""Opening (开通, art. 6, 7): an institution applies in its own name; opening it forms the agreement."""

from dataclasses import dataclass, replace
from typing import Protocol

from service import institution_numbers as numbers
from service.access import ROLE_CEILINGS, Caller, OperatorRole, permissions_of
from service.acts import Act, Done
from service.application_book import ApplicationBook
from service.applications import (
    Application,
    ApplicationType,
    FirstAdministrator,
    Material,
    ensure_digests,
    submitted,
)
from service.clock import business_date
from service.conformance import ConformanceCheck
from service.identifiers import Kind
from service.operators import Operator, OperatorStatus
from service.participants import (
    LEGACY_NOTICE_NUMBER,
    Acceptance,
    AcceptanceManner,
    Information,
    Participant,
    ParticipantStatus,
    granted_services,
    opened,
    with_information,
)
from service.personal_data import PersonalData
from service.refusals import Findings, RefusalCode, refuse
from service.registration import AdministratorInput, InformationInput, parse_administrator, parse_information
from service.storage.operators import OperatorStore


class AgreementInForce(Protocol):
    """What of an agreement an acceptance names."""

    @property
    def number(self) -> int: ...
    @property
    def content_hash(self) -> str: ...


class Agreements(Protocol):
    async def find(self, caller: Caller, number: int | None = None) -> AgreementInForce | None:
        """The version in force today when `number` is left out."""


class Conformance(Protocol):
    async def ensure_checked(self, act: Act, participant: Participant) -> ConformanceCheck | None:
        """Raises Refused for one that is asked for a report of conformance and has none that is good."""


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


class Openings:
    def __init__(
        self,
        book: ApplicationBook,
        operators: OperatorStore,
        agreements: Agreements,
        personal_data: PersonalData,
        conformance: Conformance,
    ) -> None:
        self._book = book
        self._operators = operators
        self._agreements = agreements
        self._personal_data = personal_data
        self._conformance = conformance

    async def apply(self, act: Act, given: AccessInput) -> Done[Application]:
        """File an institution's application. The participant is PENDING from here on."""
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
        if not given.submit:  # what is handed in is held to this and more below
            findings.attempt(ensure_digests, given.materials)
        findings.raise_any()
        application = self._book.draw_up(
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
            application = submitted(application, by=act.caller, at=act.at, today=business_date(act.at))
        if information is not None:
            await self._keep_pending(
                act, held, participant_id=participant_id, code=code, information=information, acceptance=acceptance
            )
        return await self._book.insert(act, application)

    async def _ensure_unopened(self, act: Act, uscc: str, code: str, findings: Findings) -> Participant | None:
        """The PENDING participant that a former application left, if there is one."""
        held = await self._book.participants.find_holding(uscc, act.session)
        if held is not None:
            pending = await self._book.applications.find_pending(held.id, act.session)
            if held.status is not ParticipantStatus.PENDING or pending is not None:
                findings.add(RefusalCode.PARTICIPANT_ALREADY_OPEN, "applicantUscc")
        namesake = await self._book.participants.find_by_code(code, act.session)
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
            await self._book.participants.insert(act.session, with_information(fresh, information))
        else:
            renewed = replace(with_information(held, information), participant_code=code, acceptance=acceptance)
            await self._book.participants.replace(act.session, renewed)

    async def resubmit(self, act: Act, application: Application, agreement_number: int | None) -> None:
        """Bring the pending participant up to what is handed in again."""
        if application.after is None:
            return
        findings = Findings()
        participant = await self._book.participants.find(application.participant_id, act.session)
        acceptance = await self._accepted(act, agreement_number, findings)
        findings.raise_any()
        if participant is not None:
            await self._keep_pending(
                act,
                participant,
                participant_id=participant.id,
                code=participant.participant_code,
                information=application.after,
                acceptance=acceptance or participant.acceptance,
            )

    async def take_effect(self, act: Act, application: Application, participant: Participant) -> None:
        """Opening forms the agreement (art. 7): the acceptance is of the version in force on this day, or it fails.

        Where the sandbox's keys are pinned, it stands on a report of conformance too (art. 17).
        """
        agreement = await self._agreements.find(act.caller)
        acceptance = participant.acceptance
        if acceptance is None or agreement is None or acceptance.agreement_number != agreement.number:
            raise refuse(RefusalCode.ACCEPTANCE_MISSING, "acceptance")
        check = await self._conformance.ensure_checked(act, participant)
        open_now = opened(participant, officer=act.caller.id, at=act.at)
        kept = await self._book.participants.replace(act.session, open_now)
        content: dict[str, object] = {
            "agreement": acceptance.agreement_number,
            "agreementHash": acceptance.content_hash,
            "services": sorted(granted_services(kept)),
            "conformance": check.id if check else None,
        }
        await act.record("participant.opened", participant.id, participant.id, content)
        if application.administrator is not None:
            await self._register_first(act, application.administrator, kept)

    async def _register_first(self, act: Act, named: FirstAdministrator, participant: Participant) -> None:
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
