"""Operators of a tenant that the suite works with: those the client logs in as, and those it registers for a case."""

import secrets
from dataclasses import dataclass, replace

from sandbox.tenants.made_up import TELEPHONE
from service.access import SYSTEM, Caller, CallerKind, OperatorRole, Permission
from service.bootstrap import Services
from service.certificates import Certificate, CertificateProfile, CertificateState
from service.errors import BadInput
from service.operator_service import OperatorInput
from service.operators import Operator, OperatorStatus
from service.pagination import BY_ID, PageRequest
from service.storage.certificates import CertificateStore
from service.storage.operators import OperatorFilter, OperatorStore

BATCH = 100
NEEDED = {OperatorRole.ADMINISTRATOR: "an administrator", OperatorRole.OPERATOR: "a clerk (role OPERATOR)"}


@dataclass(frozen=True, slots=True)
class Cast:
    """Whom the client logs in as."""

    administrator: Operator
    clerk: Operator


class People:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._operators = OperatorStore(services.database)
        self._certificates = CertificateStore(services.database)

    async def cast(self, tenant_id: str) -> Cast:
        """The first administrator and the first clerk who can log in. Raises BadInput where one is missing."""
        found: dict[OperatorRole, Operator] = {}
        for operator in await self.of_tenant(tenant_id):
            if operator.role in NEEDED and operator.role not in found and await self._can_log_in(operator):
                found[operator.role] = operator
        missing = [what for role, what in NEEDED.items() if role not in found]
        if missing:
            raise BadInput(
                f"The suite needs {' and '.join(missing)}, active and with a usable LOGIN certificate:"
                " request one as the administrator (requestCertificate)."
            )
        return Cast(found[OperatorRole.ADMINISTRATOR], found[OperatorRole.OPERATOR])

    async def of_tenant(self, tenant_id: str) -> list[Operator]:
        """All, in the order in which they were registered."""
        caller, wanted = replace(SYSTEM, participant_id=tenant_id), OperatorFilter(participant_id=tenant_id)
        found: list[Operator] = []
        boundary = None
        while True:
            page = await self._services.operators.page(caller, wanted, PageRequest(BY_ID, BATCH, boundary))
            found += page.items
            if not page.has_next:
                return found
            boundary = page.positions[-1]

    async def get(self, operator_id: str) -> Operator:
        """Raises BadInput where there is none."""
        found = await self._operators.find(operator_id)
        if found is None:
            raise BadInput("The operator of this run is not there any more: begin another run.")
        return found

    async def login_certificate(self, operator_id: str) -> Certificate:
        """The one that the operator logs in with. Raises BadInput where there is none that is usable."""
        found = await self._certificates.find_seated(operator_id, CertificateProfile.LOGIN)
        if found is None or found.state is not CertificateState.ISSUED:
            raise BadInput(
                "The operator of this case has no usable LOGIN certificate: request one as the administrator."
            )
        return found

    async def register(self, tenant_id: str, permissions: tuple[Permission, ...]) -> Operator:
        """A clerk of the suite's own, under a number that nobody has had."""
        given = OperatorInput(
            await self.free_number(tenant_id), "一致性测试", OperatorRole.OPERATOR, permissions, TELEPHONE
        )
        caller = replace(SYSTEM, participant_id=tenant_id)
        return (await self._services.operators.register(caller, tenant_id, given)).subject

    async def free_number(self, tenant_id: str) -> str:
        """An operator's number that nobody of the tenant has had."""
        while True:
            number = f"9{secrets.randbelow(100_000):05d}"
            if await self._operators.find_by_number(tenant_id, number) is None:
                return number

    async def _can_log_in(self, operator: Operator) -> bool:
        if operator.status is not OperatorStatus.ACTIVE:
            return False
        found = await self._certificates.find_seated(operator.id, CertificateProfile.LOGIN)
        now = self._services.clock.now(operator.participant_id)
        return found is not None and found.state is CertificateState.ISSUED and now < found.not_after


def as_caller(operator: Operator) -> Caller:
    """The operator as one who acts: for what is an operator's own to do."""
    return Caller(
        CallerKind.OPERATOR,
        operator.id,
        operator.participant_id,
        operator.role,
        permissions=frozenset(operator.permissions),
    )
