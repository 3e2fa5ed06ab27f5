"""The sandbox's small world, made through the services that everybody uses, so that there is a record of each step.

Every step looks first whether it was done: a start that broke off is taken up where it ended. A persona that is settled
stays as its users left it; only what has run out is issued again. `prop-sandbox reset` brings all of it back.
"""

import hashlib
from collections.abc import Sequence
from datetime import date

from sandbox.personas.certifying import Certifying
from sandbox.personas.people import (
    INSTITUTIONS,
    REGISTRARS,
    Condition,
    Institution,
    Persona,
    Standing,
    operators_of,
)
from sandbox.tenants.openings import Staff, ensure_registrar, ensure_staff
from service.access import (
    APPROVING,
    SERVICES,
    SYSTEM,
    Caller,
    CallerKind,
    OperatorRole,
    Permission,
    QualificationType,
    Service,
)
from service.applications import (
    REQUIRED_MATERIALS,
    ApplicationCommand,
    ApplicationType,
    Material,
)
from service.bootstrap import Services
from service.openings import AccessInput
from service.operator_service import OperatorInput
from service.operators import OffboardReason, Operator, OperatorStatus, SmsStatus, SmsTopic
from service.pagination import BY_ID, PageRequest
from service.participants import ContactKind, Participant, ParticipantStatus, granted_services
from service.qualifications import QualificationInput, QualificationStatus
from service.registration import AdministratorInput, ContactInput, InformationInput
from service.sanctions import Decision, Ground, RuleKind, RuleReference
from service.storage.applications import ApplicationFilter
from service.storage.operators import OperatorFilter

TELEPHONE = "+8613800138000"  # a test number of a carrier, in no person's hands
QUALIFIED_SINCE = date(2020, 1, 1)
RULE = RuleReference(RuleKind.BUSINESS_RULE, "Sandbox business rules 沙盒业务规则", "1")


class WorldIncomplete(Exception):
    """What seeding relies on is not there: something else works in this database."""


class Seeding:
    def __init__(self, services: Services, certifying: Certifying) -> None:
        self._services = services
        self._certifying = certifying
        self._known_staff: Staff | None = None

    async def run(self, institutions: Sequence[Institution] = INSTITUTIONS) -> None:
        """All personas of these as they are described, or as they were left; the staff first, who open the others."""
        self._known_staff = await ensure_staff(self._services)
        for persona in REGISTRARS:
            await self._ensure_registrar(persona)
        for institution in institutions:
            await self._ensure_institution(institution)

    async def mend_staff(self) -> None:
        """New certificates for those of the depository's staff whose one was ended."""
        self._known_staff = await ensure_staff(self._services)
        for persona in REGISTRARS:
            if not await self._certifying.is_usable(persona):
                await self._certify_registrar(persona)

    @property
    def _staff(self) -> Staff:
        if self._known_staff is None:
            raise WorldIncomplete("the depository has no staff yet")
        return self._known_staff

    async def _ensure_registrar(self, persona: Persona) -> None:
        if not await self._certifying.is_settled(persona) or await self._certifying.is_due(persona):
            await self._certify_registrar(persona)

    async def _certify_registrar(self, persona: Persona) -> None:
        registrar = await ensure_registrar(self._services, persona)
        await self._certifying.certify(persona, self._staff, registrar.id or "")

    async def _ensure_institution(self, institution: Institution) -> None:
        personas = operators_of(institution)
        settled = [persona for persona in personas if await self._certifying.is_settled(persona)]
        due = [persona for persona in settled if await self._certifying.is_due(persona)]
        if len(settled) == len(personas) and not due:
            return
        participant = await self._ensure_open(institution, personas[0])
        for service in institution.services:
            participant = await self._ensure_granted(participant, service)
        operators = await self._ensure_operators(participant, personas, settled)
        for persona in personas:
            if persona not in settled or persona in due:
                await self._ensure_persona(persona, participant, operators)

    async def _ensure_open(self, institution: Institution, first: Persona) -> Participant:
        applications, participants = self._services.applications, self._services.participants
        participant = await participants.find_by_code(SYSTEM, institution.code)
        if participant is None:
            given = await self._application(institution, first)
            await applications.apply_for_access(self._staff.counter, given)
            participant = await self._found(institution)
        if participant.status is ParticipantStatus.PENDING:
            wanted = ApplicationFilter(type=ApplicationType.OPEN, participant_id=participant.id)
            application = (await applications.page(SYSTEM, wanted, PageRequest(BY_ID, 1, backward=True))).items[0]
            officer = self._staff.desk
            await applications.review(officer, application.id, ApplicationCommand.APPROVE)
            participant = await self._found(institution)
        return participant

    async def _found(self, institution: Institution) -> Participant:
        participant = await self._services.participants.find_by_code(SYSTEM, institution.code)
        if participant is None:
            raise WorldIncomplete(f"there is no participant {institution.code}, though it has applied")
        return participant

    async def _application(self, institution: Institution, first: Persona) -> AccessInput:
        agreement = await self._services.agreements.find(SYSTEM)
        if agreement is None:
            raise WorldIncomplete("no agreement is in force")
        return AccessInput(
            participant_code=institution.code,
            applicant_uscc=institution.uscc,
            information=InformationInput(
                kind=institution.kind,
                legal_name=institution.legal_name,
                legal_name_en=institution.legal_name_en,
                uscc=institution.uscc,
                clearing_numbers=institution.clearing_numbers,
                trading_units=institution.trading_units,
                securities_codes=institution.securities_codes,
                contacts=(ContactInput(ContactKind.BUSINESS, first.person, TELEPHONE, "desk@sandbox.example"),),
            ),
            administrator=AdministratorInput(first.number, first.person, TELEPHONE),
            materials=_materials(institution),
            truth_declared=True,
            agreement_number=agreement.number,
        )

    async def _ensure_granted(self, participant: Participant, service: Service) -> Participant:
        if service in granted_services(participant):
            return participant
        officer, needed = self._staff.desk, SERVICES[service].qualification
        if needed is not None and all(each.type is not needed for each in participant.qualifications):
            await self._record_qualification(participant, needed, QualificationStatus.VALID)
        return (await self._services.participants.grant_service(officer, participant.id, service)).subject

    async def _record_qualification(
        self, participant: Participant, needed: QualificationType, status: QualificationStatus
    ) -> None:
        reviewer = self._staff.counter
        since = QUALIFIED_SINCE
        if status is not QualificationStatus.VALID:
            since = self._services.clock.now(participant.id).date()
        given = QualificationInput(needed, status, since, None, "Sandbox register 沙盒名册")
        await self._services.participants.record_qualification(reviewer, participant.id, given)

    async def _ensure_operators(
        self, participant: Participant, personas: tuple[Persona, ...], settled: list[Persona]
    ) -> dict[str, Operator]:
        """The operators by number; those not settled registered, with permissions as the personas have them."""
        wanted = OperatorFilter(participant_id=participant.id)
        page = await self._services.operators.page(SYSTEM, wanted, PageRequest(BY_ID, 100))
        operators = {each.operator_number: each for each in page.items}
        administrator = _caller(operators[personas[0].number])
        for persona in personas:
            if persona.number not in operators:
                operators[persona.number] = await self._register(administrator, persona)
        for persona in personas:
            operator = operators[persona.number]
            if persona not in settled and _lacks_approval(persona, operator):
                second = _caller(operators[personas[1].number])
                operators[persona.number] = await self._let_approve(administrator, second, operator, persona)
        return operators

    async def _register(self, administrator: Caller, persona: Persona) -> Operator:
        """Without permission to approve, which takes two persons. Other administrators the system registers."""
        if not isinstance(persona.role, OperatorRole) or administrator.participant_id is None:
            raise WorldIncomplete(f"{persona.name} is no operator")
        permissions = tuple(each for each in persona.permissions if each not in APPROVING)
        given = OperatorInput(persona.number, persona.person, persona.role, permissions, TELEPHONE)
        caller = SYSTEM if persona.role is OperatorRole.ADMINISTRATOR else administrator
        return (await self._services.operators.register(caller, administrator.participant_id, given)).subject

    async def _let_approve(self, first: Caller, second: Caller, operator: Operator, persona: Persona) -> Operator:
        permissions, wanted = self._services.permissions, persona.permissions
        proposed = await permissions.change(first, operator.id, wanted)
        if proposed.proposal is None:
            raise WorldIncomplete(f"{persona.name} was let approve by one person")
        return (await permissions.change(second, operator.id, wanted, proposal_id=proposed.proposal.id)).subject

    async def _ensure_persona(self, persona: Persona, participant: Participant, operators: dict[str, Operator]) -> None:
        operator = operators[persona.number]
        if persona.condition is Condition.OFFBOARDED and operator.status is OperatorStatus.OFFBOARDED:
            await self._certifying.settle_ended(persona, operator.id)
            return
        participant = await self._let_in(persona, participant)
        if operator.status is not OperatorStatus.ACTIVE or participant.status is not ParticipantStatus.ACTIVE:
            return  # its users left it so
        await self._certifying.certify(persona, self._staff, operator.id)
        match persona.condition:
            case Condition.REVOKED:
                await self._certifying.end(persona, self._staff, operator.id)
            case Condition.OFFBOARDED:
                await self._let_go(operator, _caller(operators["000001"]))
            case Condition.GOOD | Condition.EXPIRING:
                await self._bring_to(persona, participant)

    async def _let_in(self, persona: Persona, participant: Participant) -> Participant:
        """One that shows a suspension is resumed while it is certified, which no suspended one is."""
        shows = persona.institution is not None and persona.institution.standing is Standing.SUSPENDED
        if not shows or participant.status is not ParticipantStatus.SUSPENDED:
            return participant
        return (await self._services.participants.resume(self._staff.desk, participant.id)).subject

    async def _let_go(self, operator: Operator, administrator: Caller) -> None:
        """With SMS subscribed before, so that there is something to end (art. 11)."""
        if operator.status is OperatorStatus.OFFBOARDED:
            return
        if all(each.status is not SmsStatus.ACTIVE for each in operator.sms_subscriptions):
            await self._services.sms.subscribe(_caller(operator), operator.id, SmsTopic.NOTICE, None)
        await self._services.operators.offboard(administrator, operator.id, OffboardReason.LEFT)

    async def _bring_to(self, persona: Persona, participant: Participant) -> None:
        """The participant to the standing that its persona is there to show."""
        standing = persona.institution.standing if persona.institution else Standing.GOOD
        if standing is Standing.SUSPENDED and participant.status is ParticipantStatus.ACTIVE:
            decision = Decision(Ground.BUSINESS_RULE, RULE, "to show a suspension 用于演示暂停")
            await self._services.participants.suspend(self._staff.desk, participant.id, decision)
        if standing is Standing.UNQUALIFIED:
            for each in participant.qualifications:
                if each.status is QualificationStatus.VALID:
                    await self._record_qualification(participant, each.type, QualificationStatus.TERMINATED)


def _lacks_approval(persona: Persona, operator: Operator) -> bool:
    """Whether an operator that is fresh from registration is still to be let approve. A changed one is left alone."""
    wanted = frozenset(persona.permissions)
    return bool(wanted & APPROVING) and frozenset[Permission](operator.permissions) == wanted - APPROVING


def _caller(operator: Operator) -> Caller:
    return Caller(
        CallerKind.OPERATOR,
        operator.id,
        operator.participant_id,
        operator.role,
        permissions=frozenset(operator.permissions),
    )


def _materials(institution: Institution) -> tuple[Material, ...]:
    """Papers that nobody wrote, hashed by their names."""
    names = {kind: f"{institution.code} {kind.value.lower()}" for kind in REQUIRED_MATERIALS[ApplicationType.OPEN]}
    return tuple(Material(kind, name, hashlib.sha256(name.encode()).hexdigest()) for kind, name in names.items())
