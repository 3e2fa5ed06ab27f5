"""Participants (PROP用户, Party A) over GraphQL: institutions, their standing, and what is granted to them."""

from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from typing import Self

import strawberry

from schema.applications import Application, ApplicationFilter, applications_page
from schema.certificate_search import CertificateFilter, CertificateOrder, certificates_page, confined
from schema.certificates import Certificate
from schema.consents import Consent
from schema.context import Info
from schema.cost import ListSize, reads
from schema.information import Contact, RegisteredInformation
from schema.nodes import serve
from schema.operators import (
    LeaverFinding,
    Operator,
    OperatorFilter,
    OperatorOrder,
    operators_page,
)
from schema.pagination import Connection, connection_of, page_request
from schema.permissions import OnlyFor, asks
from schema.records import Record, RecordFilter, asked_records, records_page
from schema.scalars import Cursor
from schema.standings import Acceptance, Qualification, Sanction, ServiceGrant
from schema.types import Marked, Node, marks
from service import participants
from service.access import ParticipantKind, QualificationType, Service
from service.clock import business_date
from service.errors import BadInput
from service.identifiers import Kind, parse_id
from service.operator_review_service import MOST_BATCHES
from service.operator_reviews import MOST_FINDINGS
from service.pagination import BY_ID, LATEST_FIRST
from service.participants import ParticipantStatus
from service.policy import Action
from service.qualifications import QualificationStatus
from service.storage import participants as storage
from service.world import World


@strawberry.enum(description="In the order of application, the latest first, by code, or by name.")
class ParticipantOrder(StrEnum):
    APPLIED = "APPLIED"
    LATEST = "LATEST"
    CODE = "CODE"
    NAME = "NAME"


ORDERS = {
    ParticipantOrder.APPLIED: BY_ID,
    ParticipantOrder.LATEST: LATEST_FIRST,
    ParticipantOrder.CODE: storage.BY_CODE,
    ParticipantOrder.NAME: storage.BY_LEGAL_NAME,
}


@strawberry.type(description="An institution (PROP用户) that the depository opened PROP for, and its standing.")
class Participant(Node, Marked):
    record: strawberry.Private[participants.Participant]
    version: int = strawberry.field(description="For `expectedVersion`: it grows with every change.")
    participant_code: str = strawberry.field(description="Its name on the platform (用户代码), never used again.")
    kind: ParticipantKind
    legal_name: str
    legal_name_en: str | None
    uscc: str = strawberry.field(description="Unified social credit code (统一社会信用代码), GB 32100-2015.")
    lei: str | None = strawberry.field(description="Legal entity identifier, ISO 17442.")
    clearing_numbers: list[str] = strawberry.field(description="清算编号", directives=[ListSize(assumed_size=10)])
    trading_units: list[str] = strawberry.field(description="交易单元", directives=[ListSize(assumed_size=20)])
    securities_codes: list[str] = strawberry.field(description="证券代码", directives=[ListSize(assumed_size=20)])
    contacts: list[Contact] = strawberry.field(
        description="Whom to reach; masked.", directives=[ListSize(assumed_size=4)]
    )
    status: ParticipantStatus
    qualifications: list[Qualification] = strawberry.field(
        description="The latest word on each (art. 20).", directives=[ListSize(assumed_size=len(QualificationType))]
    )
    services: list[ServiceGrant] = strawberry.field(
        description="What is granted now (art. 9).", directives=[ListSize(assumed_size=len(Service))]
    )
    sanction: Sanction | None = strawberry.field(
        description="Why it is suspended or was terminated (art. 19, 20). A CLOSING one that has it is suspended."
    )
    applied_at: datetime
    opened_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, world: World, record: participants.Participant) -> Self:
        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            version=record.version,
            participant_code=record.participant_code,
            kind=record.kind,
            legal_name=record.legal_name,
            legal_name_en=record.legal_name_en,
            uscc=record.uscc,
            lei=record.lei,
            clearing_numbers=list(record.clearing_numbers),
            trading_units=list(record.trading_units),
            securities_codes=list(record.securities_codes),
            contacts=[Contact.of(record, each) for each in record.contacts],
            status=record.status,
            qualifications=[Qualification.of(each) for each in record.qualifications],
            services=[ServiceGrant.of(each) for each in record.services],
            sanction=Sanction.of(record.sanction) if record.sanction else None,
            applied_at=record.applied_at,
            opened_at=record.opened_at,
            ended_at=record.ended_at,
        )

    @strawberry.field(description="Which agreement binds today, in Shanghai; before the opening: will (art. 7).")
    def acceptance(self, info: Info) -> Acceptance | None:
        today = business_date(info.context.services.clock.now(self.id))
        found = participants.acceptance_on(self.record, today)
        return Acceptance.of(found) if found else None

    @strawberry.field(
        description="All that it accepted, the oldest first (art. 7, 25).", directives=[ListSize(assumed_size=5)]
    )
    def acceptances(self) -> list[Acceptance]:
        return [Acceptance.of(each) for each in participants.acceptances_of(self.record)]

    @strawberry.field(
        description="The revisions that were delivered to it and what became of them, the newest first (art. 25).",
        extensions=[OnlyFor(Action.READ_CONSENT)],
        directives=[ListSize(assumed_size=5)],
        metadata=reads(),
    )
    async def consents(self, info: Info) -> list[Consent] | None:
        services = info.context.services
        found = await services.consents.of_participant(info.context.caller, self.id)
        return [Consent.of(services.world, each) for each in found]

    @strawberry.field(description="Its operators (操作员), art. 11.", extensions=[OnlyFor(Action.READ_OPERATOR)])
    async def operators(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: OperatorFilter | None = None,  # noqa: A002 - the schema's name for it
        order: OperatorOrder | None = OperatorOrder.REGISTERED,
    ) -> Connection[Operator] | None:
        given = filter or OperatorFilter()
        if given.participant_id not in {None, self.id}:
            raise BadInput("These are the operators of one participant: leave participantId out.", field="filter")
        wanted = await replace(given, participant_id=self.id).asked(info)
        return await operators_page(info, wanted, order, first=first, after=after, last=last, before=before)

    @strawberry.field(
        description="Those of its operators (数字证书), art. 13.", extensions=[OnlyFor(Action.READ_CERTIFICATE)]
    )
    async def certificates(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: CertificateFilter | None = None,  # noqa: A002 - the schema's name for it
        order: CertificateOrder | None = CertificateOrder.REGISTERED,
    ) -> Connection[Certificate] | None:
        wanted = confined(filter, participant_id=self.id)
        return await certificates_page(info, wanted, order, first=first, after=after, last=last, before=before)

    @strawberry.field(
        description="Its applications (申请), the latest first: the effected ones are its history (art. 16).",
        extensions=[OnlyFor(Action.READ_APPLICATION)],
    )
    async def applications(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Application] | None:
        wanted = ApplicationFilter(participant_id=self.id).asked()
        return await applications_page(info, wanted, first=first, after=after, last=last, before=before)

    @strawberry.field(
        description="The records that concern it, the latest first.", extensions=[OnlyFor(Action.READ_RECORD)]
    )
    async def history(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: RecordFilter | None = None,  # noqa: A002 - the schema's name for it
    ) -> Connection[Record] | None:
        wanted = asked_records(info, filter, participant_id=self.id)
        return await records_page(info, wanted, first=first, after=after, last=last, before=before)

    @strawberry.field(
        description="What was registered of it at the end of that day, in Shanghai (art. 16). Null before the opening.",
        extensions=[OnlyFor(Action.READ_APPLICATION)],
        metadata=reads(),
    )
    async def information_on(self, info: Info, day: date) -> RegisteredInformation | None:
        context = info.context
        found = await context.services.applications.information_on(context.caller, self.record, day)
        return RegisteredInformation.of(self.record, found) if found else None

    @strawberry.field(
        description="Operators who may have left something behind (art. 11), of its first 1 000: "
        f"{MOST_FINDINGS} at most. Once they are seen to, the next are told.",
        extensions=[OnlyFor(Action.READ_LEAST_PRIVILEGE)],
        directives=[ListSize(assumed_size=MOST_FINDINGS)],
        metadata=reads(MOST_BATCHES * 2),  # of operators, and of their certificates
    )
    async def leaver_report(self, info: Info) -> list[LeaverFinding] | None:
        services = info.context.services
        findings = await services.operator_reviews.leaver_report(info.context.caller, self.id)
        return [LeaverFinding.of(services.world, each) for each in findings]


@strawberry.input(description="Participants for which all of this holds.")
class ParticipantFilter:
    status: ParticipantStatus | None = None
    kind: ParticipantKind | None = None
    service: Service | None = strawberry.field(default=None, description="Those to which it is granted.")
    qualification: QualificationType | None = None
    qualification_status: QualificationStatus | None = strawberry.field(
        default=None, description="Together with `qualification`."
    )
    uscc: str | None = None
    text: str | None = strawberry.field(default=None, description="In a name or the code.")
    applied_from: datetime | None = None
    applied_before: datetime | None = strawberry.field(default=None, description="Exclusive.")

    def asked(self) -> storage.ParticipantFilter:
        if self.qualification_status is not None and self.qualification is None:
            raise BadInput("qualificationStatus says how `qualification` stands: give both.", field="qualification")
        return storage.ParticipantFilter(
            status=self.status,
            kind=self.kind,
            service=self.service,
            qualification=self.qualification,
            qualification_status=self.qualification_status,
            uscc=self.uscc,
            text=self.text,
            applied_from=self.applied_from,
            applied_before=self.applied_before,
        )


@strawberry.type
class ParticipantQuery:
    @strawberry.field(
        description="One participant (PROP用户), by its id or by its code.", metadata=asks(Action.READ_PARTICIPANT)
    )
    async def participant(
        self,
        info: Info,
        id: strawberry.ID | None = None,  # noqa: A002 - Relay's name
        participant_code: str | None = None,
    ) -> Participant | None:
        caller, services = info.context.caller, info.context.services
        if (id is None) == (participant_code is None):
            raise BadInput("Ask with an id or with a participantCode.", field="id")
        if id is not None:
            parse_id(services.world, id)
            found = await services.participants.find(caller, id)
        else:
            found = await services.participants.find_by_code(caller, participant_code or "")
        return Participant.of(services.world, found) if found else None

    @strawberry.field(
        description="Participants (PROP用户): to an operator its own, to the depository all.",
        metadata=asks(Action.READ_PARTICIPANT),
    )
    async def participants(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: ParticipantFilter | None = None,  # noqa: A002 - the schema's name for it
        order: ParticipantOrder | None = ParticipantOrder.APPLIED,
    ) -> Connection[Participant]:
        wanted = (filter or ParticipantFilter()).asked()
        by = ORDERS[order or ParticipantOrder.APPLIED]
        request = page_request(info, by, first=first, after=after, last=last, before=before)
        return await connection_of(info, info.context.services.participants, Participant.of, wanted, request)


serve(Kind.PARTICIPANT, lambda services: services.participants.get_many, Participant.of)
