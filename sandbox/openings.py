"""Opening a participant of the sandbox as the depository would: applied for, examined by another, granted (art. 6, 9).

Every step is an act of the service, refused by the same rules and recorded like any other.
"""

from dataclasses import dataclass
from datetime import timedelta

from sandbox import made_up
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
from service.participant_service import QualificationInput
from service.participants import Participant, QualificationStatus, granted_services
from service.registrar_service import RegistrarInput
from service.registration import AdministratorInput
from service.storage.operators import OperatorStore

COUNTER, DESK = "SANDBOXCOUNTER", "SANDBOXDESK"  # numbers of the registrar who files and of the one who decides
QUALIFIED_SINCE = timedelta(days=365)
NAMES = {
    OperatorRole.ADMINISTRATOR: ("000001", "测试管理员"),
    OperatorRole.OPERATOR: ("000002", "测试经办"),
    OperatorRole.REVIEWER: ("000003", "测试复核"),
}


@dataclass(frozen=True, slots=True)
class Staff:
    """The two registrars by whom the sandbox opens: who files does not decide."""

    counter: Caller
    desk: Caller


@dataclass(frozen=True, slots=True)
class Opened:
    participant: Participant
    operators: dict[OperatorRole, Operator]


async def ensure_staff(services: Services) -> Staff:
    """The sandbox's own registrars, added where they are not there yet."""
    return Staff(
        await _registrar(services, COUNTER, "沙箱受理", RegistrarRole.REVIEWER),
        await _registrar(services, DESK, "沙箱审核", RegistrarRole.OFFICER),
    )


async def _registrar(services: Services, number: str, name: str, role: RegistrarRole) -> Caller:
    found = await services.registrars.find_by_number(SYSTEM, number)
    if found is None:
        given = RegistrarInput(number, name, role)
        found = (await services.registrars.add(SYSTEM, given, key=f"sandbox staff {number}")).subject
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
