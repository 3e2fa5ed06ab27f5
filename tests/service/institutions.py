"""Institutions for tests: services wired over a given database, callers of every kind, an opened participant."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import KeySet

from service.access import (
    ROLE_CEILINGS,
    SYSTEM,
    Caller,
    CallerKind,
    OperatorRole,
    ParticipantKind,
    Permission,
    QualificationType,
    RegistrarRole,
    Service,
)
from service.acts import Acts, Done
from service.agreements import AgreementService
from service.application_service import ApplicationService
from service.applications import ApplicationCommand, Material, MaterialKind
from service.certificates import Certificate, CertificateProfile, CertificateState
from service.closures import ClosureInput
from service.conformance_service import ConformanceService
from service.consent_service import ConsentService
from service.continued_use import ContinuedUse
from service.identifiers import Kind, new_id
from service.information_changes import ChangeInput
from service.log import LogService
from service.logins import Logins
from service.openings import AccessInput
from service.operator_review_service import OperatorReviewService
from service.operator_service import OperatorInput, OperatorService
from service.operators import Operator
from service.pagination import BY_ID, PageRequest
from service.participant_service import ParticipantService
from service.participants import ContactKind, Participant
from service.permission_service import PermissionService
from service.personal_data import PersonalData
from service.publications import PublicationService
from service.qualifications import QualificationInput, QualificationStatus
from service.records import Record, RecordFilter, RecordService
from service.refusals import RefusalCode, Refused
from service.registration import AdministratorInput, ContactInput, InformationInput
from service.sanctions import Decision, Ground, RuleKind, RuleReference
from service.sms_service import SmsService
from service.storage.agreements import AgreementHead, AgreementStore
from service.storage.applications import ApplicationStore
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.certificates import CertificateStore
from service.storage.conformance import ConformanceStore
from service.storage.consents import ConsentStore
from service.storage.database import Database, Document
from service.storage.idempotency import IdempotencyStore
from service.storage.log import LogStore
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore
from service.storage.proposals import ProposalStore
from service.storage.records import RECORDS, RecordStore
from service.storage.registrars import RegistrarStore
from service.storage.tasks import TaskStore
from service.storage.usage import UsageStore
from service.task_service import TaskService
from service.usage import Usage
from tests.agreements import make_text
from tests.service.records import KEYS, SteppingClock

USCC = "91350100M000100Y43"
OTHER_USCC = "91110000600037341L"
TELEPHONE = "+8613812341234"
REVIEWER = Caller(CallerKind.REGISTRAR, "live-reg-01K9ZZZZZZZZZZZZZZZZZZZZZA", role=RegistrarRole.REVIEWER)
OFFICER = Caller(CallerKind.REGISTRAR, "live-reg-01K9ZZZZZZZZZZZZZZZZZZZZZB", role=RegistrarRole.OFFICER)
SECOND_OFFICER = Caller(CallerKind.REGISTRAR, "live-reg-01K9ZZZZZZZZZZZZZZZZZZZZZC", role=RegistrarRole.OFFICER)
BREACH = Decision(Ground.AGREEMENT, RuleReference(RuleKind.BUSINESS_RULE, "Settlement rules", "section 4"), "late")


@dataclass(frozen=True)
class FixedAgreement:
    number: int = 1
    content_hash: str = "0" * 64


class FixedAgreements:
    """The agreement in force, as a test sets it."""

    def __init__(self) -> None:
        self.in_force: FixedAgreement | None = FixedAgreement()

    async def find(self, caller: Caller, number: int | None = None) -> FixedAgreement | None:
        return self.in_force


def make_materials(*kinds: MaterialKind) -> tuple[Material, ...]:
    return tuple(Material(kind, kind.value, f"{place:064x}") for place, kind in enumerate(kinds))


OPENING_PAPERS = make_materials(
    MaterialKind.APPLICATION_FORM, MaterialKind.BUSINESS_LICENCE, MaterialKind.AUTHORIZATION
)
ANY_PAPERS = make_materials(*MaterialKind)


def make_information(uscc: str = USCC, **changes: object) -> InformationInput:
    plain = InformationInput(
        kind=ParticipantKind.SETTLEMENT_PARTICIPANT,
        legal_name="东方测试证券股份有限公司",
        uscc=uscc,
        clearing_numbers=("JS001",),
        contacts=(ContactInput(ContactKind.BUSINESS, "李四", TELEPHONE, "li@example.com"),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields by name


def make_access(uscc: str = USCC, code: str = "BRK001", **changes: object) -> AccessInput:
    plain = AccessInput(
        participant_code=code,
        applicant_uscc=uscc,
        information=make_information(uscc),
        administrator=AdministratorInput("000001", "张三", TELEPHONE),
        materials=OPENING_PAPERS,
        truth_declared=True,
        agreement_number=1,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields by name


def make_change(**changes: object) -> ChangeInput:
    plain = ChangeInput(
        applicant_uscc=USCC,
        information=make_information(trading_units=("36573",)),
        materials=ANY_PAPERS,
        truth_declared=True,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields by name


CLOSURE = ClosureInput(applicant_uscc=USCC, materials=ANY_PAPERS, truth_declared=True, reason="merged")


def sole(caught: pytest.ExceptionInfo[Refused]) -> RefusalCode:
    """The one refusal's code; its text is there in both languages."""
    (refusal,) = caught.value.refusals
    assert refusal.message
    assert refusal.message_zh
    return refusal.code


def caller_for(operator: Operator) -> Caller:
    return Caller(
        CallerKind.OPERATOR,
        operator.id,
        operator.participant_id,
        operator.role,
        permissions=frozenset(operator.permissions),
        registered_by=operator.registered_by,
    )


class Institutions:
    """The services of participants, applications and operators over a database."""

    def __init__(self, database: Database, pinned: KeySet | None = None) -> None:
        world = database.world
        self.database = database
        self.clock = SteppingClock()
        self.agreements = FixedAgreements()
        self.personal_data = PersonalData(world, bytes(range(32)))
        self.participant_store = ParticipantStore(database)
        self.consent_store = ConsentStore(database)
        self.operator_store = OperatorStore(database)
        self.application_store = ApplicationStore(database)
        self.certificate_store = CertificateStore(database)
        tasks, texts = TaskStore(database), AgreementStore(database)
        self.logins = Logins(
            self.certificate_store, self.operator_store, self.participant_store, RegistrarStore(database)
        )
        self.usage = Usage(UsageStore(database), self.operator_store)
        kept = RecordStore(database)
        self.records = RecordService(world, self.clock, KEYS, kept, LogService(LogStore(database)))
        self.acts = Acts(
            world,
            self.clock,
            database,
            records=self.records,
            kept_records=kept,
            entries=IdempotencyStore(database),
            proposals=ProposalStore(database),
            usage=self.usage,
            use=ContinuedUse(self.consent_store, self.participant_store),
            personal_data=self.personal_data,
            readmit=self.logins.readmit,
        )
        self.texts = AgreementService(world, self.clock, texts)
        self.publications = PublicationService(
            self.acts,
            texts=self.texts,
            agreements=texts,
            consents=self.consent_store,
            participants=self.participant_store,
        )
        self.consents = ConsentService(
            self.acts,
            consents=self.consent_store,
            agreements=texts,
            participants=self.participant_store,
            tasks=tasks,
        )
        self.conformance = ConformanceService(
            world,
            self.acts,
            checks=ConformanceStore(database),
            keys=CertificateKeyStore(database),
            pinned=pinned,
        )
        self.applications = ApplicationService(
            self.acts,
            applications=self.application_store,
            participants=self.participant_store,
            operators=self.operator_store,
            agreements=self.agreements,
            certificates=self.certificate_store,
            personal_data=self.personal_data,
            conformance=self.conformance,
        )
        self.participants = ParticipantService(
            self.acts,
            participants=self.participant_store,
            operators=self.operator_store,
            tasks=tasks,
            applications=self.application_store,
            certificates=self.certificate_store,
            personal_data=self.personal_data,
        )
        self.tasks = TaskService(self.acts, tasks)
        self.operators = OperatorService(
            self.acts,
            operators=self.operator_store,
            participants=self.participant_store,
            certificates=self.certificate_store,
            personal_data=self.personal_data,
        )
        self.permissions = PermissionService(self.acts, self.operator_store, self.participant_store)
        self.sms = SmsService(self.acts, self.operator_store, self.participant_store, self.personal_data)
        self.reviews = OperatorReviewService(self.acts, self.operator_store, self.certificate_store, self.usage)

    async def publish(self, number: int, effective_from: date = date(2026, 1, 1)) -> AgreementHead:
        """A published version of a text of its own."""
        text = make_text(last=f"第{number}版。")
        await self.texts.import_draft(SYSTEM, text, number=number, effective_from=effective_from)
        return (await self.publications.publish(OFFICER, number)).subject

    async def open(self, uscc: str = USCC, code: str = "BRK001") -> tuple[Participant, Operator]:
        """An opened participant with its first administrator."""
        applied = await self.applications.apply_for_access(REVIEWER, make_access(uscc, code))
        await self.applications.review(OFFICER, applied.subject.id, ApplicationCommand.APPROVE)
        participant = await self.participant_store.find(applied.subject.participant_id)
        assert participant is not None
        administrator = await self.operator_store.find_by_number(participant.id, "000001")
        assert administrator is not None
        return participant, administrator

    async def register(
        self,
        administrator: Operator,
        number: str,
        role: OperatorRole = OperatorRole.OPERATOR,
        permissions: Sequence[Permission] = (),
    ) -> Operator:
        given = OperatorInput(number, "王五", role, tuple(permissions), TELEPHONE)
        # An administrator's are appointed by two persons; one that is simply there, the system registered.
        caller = SYSTEM if role is OperatorRole.ADMINISTRATOR else caller_for(administrator)
        return (await self.operators.register(caller, administrator.participant_id, given)).subject

    async def register_as(self, caller: Caller, administrator: Operator, number: str) -> Done[Operator]:
        given = OperatorInput(number, "王五", OperatorRole.OPERATOR)
        return await self.operators.register(caller, administrator.participant_id, given)

    async def second_administrator(self, administrator: Operator, number: str = "000002") -> Operator:
        permissions = sorted(ROLE_CEILINGS[OperatorRole.ADMINISTRATOR] - {Permission.CERTIFICATE_APPROVE})
        return await self.register(administrator, number, OperatorRole.ADMINISTRATOR, permissions)

    async def grant_settlement(self, participant: Participant) -> Participant:
        since = self.clock.time.date() - timedelta(days=30)
        given = QualificationInput(QualificationType.SETTLEMENT, QualificationStatus.VALID, since, None, "letter 1")
        await self.participants.record_qualification(OFFICER, participant.id, given)
        return (await self.participants.grant_service(OFFICER, participant.id, Service.SETTLEMENT)).subject

    async def certify(self, operator: Operator) -> Certificate:
        """A LOGIN certificate for the operator, as far as the database knows."""
        return await self.certificate_store.insert(None, self.certificate_of(operator))

    def certificate_of(self, operator: Operator) -> Certificate:
        at = datetime(2026, 11, 1, tzinfo=UTC)
        number = int(operator.operator_number)
        return Certificate(
            id=new_id(self.database.world, Kind.CERTIFICATE, at),
            version=1,
            profile=CertificateProfile.LOGIN,
            state=CertificateState.ISSUED,
            serial_number=f"{number:032X}",
            fingerprint=hashlib.sha256(operator.id.encode()).hexdigest(),
            subject="CN=test",
            issuer=f"CN=issuer of {operator.participant_id}",
            not_before=at,
            not_after=at + timedelta(days=365),
            pem="",
            participant_id=operator.participant_id,
            operator_id=operator.id,
            registered_at=at,
        )

    async def records_of_kind(self, kind: str) -> list[Record]:
        page = await self.records.page(OFFICER, RecordFilter(kind=kind), PageRequest(BY_ID, 1000))
        return list(page.items)

    async def records_of(self, subject: str) -> list[Record]:
        page = await self.records.page(OFFICER, RecordFilter(subject=subject), PageRequest(BY_ID, 100))
        return list(page.items)

    async def records_in(self, query: Document) -> dict[str, dict[str, Any]]:
        """What the records that a query finds say, by their subjects."""
        found = await self.database.collection(RECORDS).find(query).to_list(None)
        return {each["subject"]: json.loads(each["content"])["content"] for each in found}
