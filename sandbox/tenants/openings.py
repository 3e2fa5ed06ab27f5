"""Opening a participant of the sandbox as the depository would: applied for, examined by another, granted (art. 6, 9).

Every step is an act of the service, refused by the same rules and recorded like any other.
"""

from dataclasses import dataclass
from datetime import timedelta

from sandbox.personas.people import PERSONAS, Persona
from sandbox.tenants import made_up
from service.access import (
    APPROVING,
    ROLE_CEILINGS,
    SYSTEM,
    Caller,
    CallerKind,
    OperatorRole,
    Permission,
    QualificationType,
    RegistrarRole,
    Service,
    permissions_of,
)
from service.applications import ApplicationCommand
from service.bootstrap import Services
from service.clock import business_date
from service.errors import Unavailable
from service.openings import AccessInput
from service.operator_service import OperatorInput
from service.operators import Operator
from service.participants import Participant, granted_services
from service.qualifications import QualificationInput, QualificationStatus
from service.registrar_service import RegistrarInput
from service.registration import AdministratorInput
from service.storage.operators import OperatorStore

QUALIFIED_SINCE = timedelta(days=365)
NAMES = {
    OperatorRole.ADMINISTRATOR: ("000001", "测试管理员"),
    OperatorRole.OPERATOR: ("000002", "测试经办"),
    OperatorRole.REVIEWER: ("000003", "测试复核"),
}


@dataclass(frozen=True, slots=True)
class Staff:
    """The two registrars by whom the sandbox opens and certifies: who files does not decide. They are personas too."""

    counter: Caller
    desk: Caller


@dataclass(frozen=True, slots=True)
class Opened:
    participant: Participant
    operators: dict[OperatorRole, Operator]


async def ensure_staff(services: Services) -> Staff:
    """The registrars among the personas, added where they are not there yet."""
    counter, desk = PERSONAS["registrar-reviewer"], PERSONAS["registrar-officer"]
    return Staff(await ensure_registrar(services, counter), await ensure_registrar(services, desk))


async def ensure_registrar(services: Services, persona: Persona) -> Caller:
    """The persona as a caller. Raises TypeError for one that is no registrar."""
    if not isinstance(persona.role, RegistrarRole):
        raise TypeError(f"{persona.name} has no role of the depository's staff")
    found = await services.registrars.find_by_number(SYSTEM, persona.number)
    if found is None:
        given = RegistrarInput(persona.number, persona.person, persona.role)
        found = (await services.registrars.add(SYSTEM, given, key=f"sandbox staff {persona.number}")).subject
    return Caller(CallerKind.REGISTRAR, found.id, role=found.role)


async def open_participant(services: Services, staff: Staff, *, code: str, legal_name: str, uscc: str) -> Opened:
    """A participant with three operators, able to do settlement. Raises Refused: a code that is taken, a wrong name."""
    participant_id = await _opened(services, staff, code, legal_name, uscc)
    today = business_date(services.clock.now())
    qualified = QualificationInput(
        QualificationType.SETTLEMENT, QualificationStatus.VALID, today - QUALIFIED_SINCE, None, "sandbox"
    )
    await services.participants.record_qualification(staff.counter, participant_id, qualified)
    for service in (Service.SETTLEMENT, Service.FILE_EXCHANGE):
        await services.participants.grant_service(staff.desk, participant_id, service)
    participant = await services.participants.find(SYSTEM, participant_id)
    if participant is None:
        raise Unavailable("The participant just opened is not there.", retryAfter=1)
    return Opened(participant, await _operators(services, staff, participant))


async def _opened(services: Services, staff: Staff, code: str, legal_name: str, uscc: str) -> str:
    agreement = await services.agreements.find(SYSTEM)
    number, name = NAMES[OperatorRole.ADMINISTRATOR]
    access = AccessInput(
        participant_code=code,
        applicant_uscc=uscc,
        information=made_up.new_information(code, legal_name, uscc),
        administrator=AdministratorInput(number, name, made_up.TELEPHONE),
        materials=made_up.opening_papers(),
        truth_declared=True,
        agreement_number=agreement.number if agreement else None,
    )
    applied = await services.applications.apply_for_access(staff.counter, access)
    approved = await services.applications.review(staff.desk, applied.subject.id, ApplicationCommand.APPROVE)
    return approved.subject.participant_id


async def _operators(services: Services, staff: Staff, participant: Participant) -> dict[OperatorRole, Operator]:
    found = await OperatorStore(services.database).find_by_number(participant.id, "000001")
    if found is None:
        raise Unavailable("The first administrator is not there.", retryAfter=1)
    operators = {OperatorRole.ADMINISTRATOR: found}
    granted = permissions_of(granted_services(participant))
    for role in (OperatorRole.OPERATOR, OperatorRole.REVIEWER):
        number, name = NAMES[role]
        wanted = sorted(ROLE_CEILINGS[role] & granted)
        plain = tuple(each for each in wanted if each not in APPROVING)
        given = OperatorInput(number, name, role, plain, made_up.TELEPHONE)
        registered = (await services.operators.register(SYSTEM, participant.id, given)).subject
        operators[role] = await _let_approve(services, staff, found, registered, wanted)
    return operators


async def _let_approve(
    services: Services, staff: Staff, administrator: Operator, operator: Operator, wanted: list[Permission]
) -> Operator:
    """Permission to approve is two persons' decision (art. 11): the administrator proposes, the desk confirms."""
    if set(wanted) == set(operator.permissions):
        return operator
    proposer = Caller(
        CallerKind.OPERATOR,
        administrator.id,
        administrator.participant_id,
        administrator.role,
        permissions=frozenset(administrator.permissions),
    )
    proposed = await services.permissions.change(proposer, operator.id, wanted)
    proposal = proposed.proposal.id if proposed.proposal else None
    done = await services.permissions.change(staff.desk, operator.id, wanted, proposal_id=proposal)
    return done.subject
