"""One of every kind of caller over one database: two participants that must not meet, one suspended, the depository."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from schema.transport import Authenticate
from service.access import (
    ANONYMOUS,
    ROLE_CEILINGS,
    SYSTEM,
    Caller,
    CallerKind,
    OperatorRole,
    Permission,
    QualificationType,
    RegistrarRole,
    permissions_of,
)
from service.agreement_digest import read_digest
from service.bootstrap import Services
from service.certificates import CertificateState
from service.electronic_key_service import ElectronicKeyInput
from service.electronic_keys import ElectronicKeyCommand
from service.errors import Unauthenticated
from service.identifiers import Kind, new_id
from service.logins import Logins
from service.operators import Operator
from service.pagination import BY_ID, PageRequest
from service.participants import Participant, granted_services
from service.qualifications import QualificationInput, QualificationStatus
from service.records import RecordFilter
from service.registrar_service import RegistrarInput
from service.reminders import Audience, Reminder
from service.storage.applications import ApplicationFilter
from service.storage.database import Database
from service.storage.registrars import RegistrarStore
from service.storage.reminders import ReminderStore
from service.task_service import TaskFilter
from tests.agreements import make_text
from tests.databases import open_wire_database
from tests.schema.serving import Served, open_served
from tests.service.institutions import (
    BREACH,
    OFFICER,
    OTHER_USCC,
    Institutions,
    caller_for,
)

THIRD_USCC = "91310000MA1FL4LKXJ"
SUSPENDED = "suspended"
NOBODY = "anonymous"


@dataclass
class Tenant:
    """A participant, and an id of each kind of thing it has."""

    participant: Participant
    administrator: Operator
    ids: dict[Kind, str] = field(default_factory=dict)
    records: tuple[str, ...] = ()


@dataclass
class Cast:
    """`callers` by the token each has; None for who has no standing at all."""

    served: Served
    ours: Tenant
    theirs: Tenant
    callers: dict[str, Caller | None]
    spare: str  # an operator of ours with nothing to lose
    seen: dict[str, bytes] = field(default_factory=dict)

    def token(self, name: str) -> str | None:
        return None if name == NOBODY else name

    async def ask(self, text: str, name: str, **variables: Any) -> dict[str, Any]:
        return await self.served.ask(text, self.token(name), **variables)

    async def raw(self, text: str, name: str, **variables: Any) -> bytes:
        """The body of the answer, byte for byte."""
        token = self.token(name)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = await self.served.client.post(
            "/graphql", json={"query": text, "variables": variables}, headers=headers
        )
        return response.content


@asynccontextmanager
async def open_cast(uri: str) -> AsyncIterator[Cast]:
    async with open_wire_database(uri) as database:
        institutions = Institutions(database)
        callers: dict[str, Caller | None] = {NOBODY: ANONYMOUS, SUSPENDED: None}
        fingerprint = await _suspended(institutions)
        authenticate = _authenticate(database, institutions, callers, fingerprint)
        unlimited = {"limit_cost": 10_000_000, "limit_depth": 40, "limit_tokens": 100_000, "limit_characters": 200_000}
        async with open_served(database, institutions.clock, authenticate=authenticate, **unlimited) as served:
            await _publish(served.services)
            ours = await _tenant(institutions, served.services, "BRK001")
            theirs = await _tenant(institutions, served.services, "ISS001", OTHER_USCC)
            await _revise(served.services, ours, theirs)
            for tenant in (ours, theirs):
                await _certify(institutions, served.services, tenant)
            callers |= await _operators(institutions, ours)
            callers["stranger"] = caller_for(theirs.administrator)
            callers |= await _registrars(served.services, (ours, theirs))
            spare = await institutions.register(ours.administrator, "900000")
            yield Cast(served, ours, theirs, callers, spare.id)


def _authenticate(
    database: Database, institutions: Institutions, callers: dict[str, Caller | None], fingerprint: str
) -> Authenticate:
    logins = Logins(
        institutions.certificate_store,
        institutions.operator_store,
        institutions.participant_store,
        RegistrarStore(database),
    )

    async def authenticate(services: Services, token: str) -> Caller:
        if token == SUSPENDED:
            return await logins.get_caller(fingerprint, services.clock.now())
        found = callers.get(token)
        if found is None:
            raise Unauthenticated("This token is not accepted here.")
        return found

    return authenticate


async def _suspended(institutions: Institutions) -> str:
    """The certificate of an operator whose participant is suspended."""
    participant, administrator = await institutions.open(THIRD_USCC, "SUS001")
    certificate = await institutions.certify(administrator)
    await institutions.participants.suspend(OFFICER, participant.id, BREACH)
    return certificate.fingerprint or ""


async def _publish(services: Services) -> None:
    digest = read_digest()
    await services.agreements.import_draft(
        SYSTEM, digest.chinese_data, number=1, effective_from=date(2026, 1, 1), is_digest=True
    )
    await services.publications.publish(SYSTEM, 1)


async def _revise(services: Services, ours: Tenant, theirs: Tenant) -> None:
    """A revision that is not in force yet, delivered to both: confirmed by us, not answered by them."""
    await services.agreements.import_draft(SYSTEM, make_text(), number=2, effective_from=date(2027, 1, 1))
    revision = await services.publications.publish(SYSTEM, 2)
    ours.ids[Kind.AGREEMENT] = revision.subject.id
    await services.publications.deliver()
    await services.consents.confirm(caller_for(ours.administrator), 2)
    for tenant in (ours, theirs):
        (consent,) = await services.consents.of_participant(SYSTEM, tenant.participant.id)
        tenant.ids[Kind.CONSENT] = consent.id


async def _tenant(institutions: Institutions, services: Services, code: str, uscc: str = "") -> Tenant:
    """An opened participant with one of everything: applications, a task, a waiting proposal, records."""
    opened, administrator = await institutions.open(*((uscc, code) if uscc else ()))
    participant = await institutions.grant_settlement(opened)
    lost = QualificationInput(
        QualificationType.ISSUER_REGISTRATION, QualificationStatus.EXITED, date(2026, 11, 1), None, "letter 3"
    )
    await services.participants.record_qualification(OFFICER, participant.id, lost)
    reviewer = await institutions.register(administrator, "800000", OperatorRole.REVIEWER)
    proposed = await services.permissions.change(
        caller_for(administrator), reviewer.id, [Permission.CERTIFICATE_APPROVE]
    )
    assert proposed.proposal is not None
    tenant = Tenant(participant, administrator)
    page = await services.applications.page(
        OFFICER, ApplicationFilter(participant_id=participant.id), PageRequest(BY_ID, 1)
    )
    records = await services.records.page(OFFICER, RecordFilter(participant_id=participant.id), PageRequest(BY_ID, 100))
    tasks = await services.tasks.page(OFFICER, TaskFilter(participant_id=participant.id), PageRequest(BY_ID, 1))
    tenant.records = tuple(each.id for each in records.items)
    tenant.ids = {
        Kind.PARTICIPANT: participant.id,
        Kind.OPERATOR: administrator.id,
        Kind.APPLICATION: page.items[0].id,
        Kind.RECORD: tenant.records[-1],  # an operator's act
        Kind.PROPOSAL: proposed.proposal.id,
        Kind.TASK: tasks.items[0].id,
    }
    return tenant


async def _certify(institutions: Institutions, services: Services, tenant: Tenant) -> None:
    """A certificate with all that it may lead to: one before and one after it, a key, a reminder, a calendar."""
    at, world, operator = institutions.clock.now(), services.world, tenant.administrator
    given = ElectronicKeyInput(f"KEY{tenant.participant.participant_code}", "UKey", tenant.participant.id)
    key = (await services.electronic_keys.register(OFFICER, given)).subject
    await services.electronic_keys.change(OFFICER, key.id, ElectronicKeyCommand.USE, operator_id=operator.id)
    registrar = (
        await services.registrars.add(SYSTEM, RegistrarInput(f"C{operator.id[-6:]}", "r", RegistrarRole.OFFICER))
    ).subject
    plain = await institutions.certify(operator)
    others = [
        replace(plain, id=new_id(world, Kind.CERTIFICATE, at), serial_number=None, fingerprint=None, state=state)
        for state in (CertificateState.SUPERSEDED, CertificateState.REQUESTED)
    ]
    for each in others:
        await institutions.certificate_store.insert(None, each)
    whole = replace(
        plain,
        supersedes_id=others[0].id,
        superseded_by_id=others[1].id,
        electronic_key_id=key.id,
        registrar_id=registrar.id,
    )
    await institutions.certificate_store.replace(None, whole)
    reminder = Reminder(
        id=new_id(world, Kind.REMINDER, at),
        version=1,
        certificate_id=whole.id,
        tier=7,
        audience=(Audience.OPERATOR,),
        not_after=whole.not_after,
        participant_id=tenant.participant.id,
        reminded_at=at,
    )
    await ReminderStore(services.database).insert(None, reminder)
    calendar = (await services.calendars.give_out(caller_for(operator), tenant.participant.id)).subject
    tenant.ids |= {
        Kind.CERTIFICATE: whole.id,
        Kind.REMINDER: reminder.id,
        Kind.ELECTRONIC_KEY: key.id,
        Kind.CALENDAR: calendar.id,
    }


async def _operators(institutions: Institutions, tenant: Tenant) -> dict[str, Caller | None]:
    """Operators of every role: one with all that the role may hold here, one with nothing."""
    granted = permissions_of(granted_services(tenant.participant))
    callers: dict[str, Caller | None] = {}
    for place, role in enumerate(OperatorRole):
        bare = await institutions.register(tenant.administrator, f"7{place:05}", role)
        whole = granted & ROLE_CEILINGS[role]
        callers[f"{role.lower()} with nothing"] = caller_for(bare)
        full = await institutions.register(tenant.administrator, f"6{place:05}", role)
        caller = caller_for(full)
        callers[role.lower()] = Caller(
            CallerKind.OPERATOR, caller.id, caller.participant_id, role, permissions=frozenset(whole)
        )
    return callers


async def _registrars(services: Services, tenants: tuple[Tenant, ...]) -> dict[str, Caller | None]:
    callers: dict[str, Caller | None] = {}
    for role in RegistrarRole:
        added = await services.registrars.add(SYSTEM, RegistrarInput(f"R{role.value}", "赵六", role))
        callers[f"registrar {role.lower()}"] = Caller(CallerKind.REGISTRAR, added.subject.id, role=role)
        for tenant in tenants:
            tenant.ids.setdefault(Kind.REGISTRAR, added.subject.id)
    return callers
