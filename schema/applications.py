"""Applications (申请) over GraphQL: to open, to rename, to change information, to close (art. 6, 16, 18)."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Self, cast

import strawberry

from schema.context import Info
from schema.cost import ListSize
from schema.information import RegisteredInformation
from schema.nodes import ensure_ids, find_node, serve
from schema.pagination import Connection, connection_of, page_request
from schema.permissions import OnlyFor, asks
from schema.records import Record, RecordFilter, asked_records, records_page
from schema.scalars import Cursor
from schema.types import Marked, Node, marks
from service import applications
from service.applications import ApplicationCommand, ApplicationStatus, ApplicationType, MaterialKind
from service.identifiers import Kind, parse_id
from service.pagination import LATEST_FIRST
from service.policy import Action
from service.storage import applications as storage
from service.world import World

if TYPE_CHECKING:
    from schema.participants import Participant

for _enum, _description in (
    (ApplicationType, "开通, 更名, 信息变更, 关闭."),
    (
        ApplicationStatus,
        "RETURNED is to be handed in again; APPROVED takes effect on its day: EFFECTED; LAPSED with its participant.",
    ),
    (ApplicationCommand, "What is done to an application."),
    (MaterialKind, "申请书, 营业执照, 授权委托书, 更名证明, and others."),
):
    strawberry.enum(_enum, description=_description)


@strawberry.type(description="A paper that came with an application (申请材料), known by its SHA-256.")
class Material:
    kind: MaterialKind
    name: str
    sha256: str


@strawberry.type(description="Whom the institution names as its first administrator (管理员).")
class FirstAdministrator:
    operator_number: str
    name: str
    telephone: str | None = strawberry.field(description="Masked: 138****1234.")

    @classmethod
    def of(cls, named: applications.FirstAdministrator) -> Self:
        telephone = named.telephone.masked if named.telephone else None
        return cls(operator_number=named.operator_number, name=named.name, telephone=telephone)


@strawberry.type(description="One word of the depository on an application (审核意见).")
class Review:
    decision: ApplicationCommand
    at: datetime
    by: strawberry.ID | None
    reason: str | None


@strawberry.type(description="An application (申请) and what became of it (art. 6, 16, 18).")
class Application(Node, Marked):
    record: strawberry.Private[applications.Application]
    version: int = strawberry.field(description="For `expectedVersion`: it grows with every change.")
    type: ApplicationType
    status: ApplicationStatus
    applicant_uscc: str = strawberry.field(description="In whose own name it is made (art. 6).")
    before: RegisteredInformation | None = strawberry.field(description="What was registered when it was made.")
    after: RegisteredInformation | None = strawberry.field(description="What is to be registered.")
    administrator: FirstAdministrator | None
    materials: list[Material] = strawberry.field(directives=[ListSize(assumed_size=5)])
    truth_declared: bool = strawberry.field(
        description="That it is true, accurate and complete (真实、准确、完整), art. 6."
    )
    reason: str | None
    effective_from: date | None = strawberry.field(description="The day it is to take effect; null: at once.")
    created_at: datetime
    created_by: strawberry.ID | None
    submitted_at: datetime | None
    submitted_by: strawberry.ID | None = strawberry.field(description="Who cannot be the one to decide it.")
    reviews: list[Review] = strawberry.field(directives=[ListSize(assumed_size=5)])
    effected_at: datetime | None

    @classmethod
    def of(cls, world: World, record: applications.Application) -> Self:
        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            version=record.version,
            type=record.type,
            status=record.status,
            applicant_uscc=record.applicant_uscc,
            before=RegisteredInformation.of(None, record.before) if record.before else None,
            after=RegisteredInformation.of(None, record.after) if record.after else None,
            administrator=FirstAdministrator.of(record.administrator) if record.administrator else None,
            materials=[Material(kind=each.kind, name=each.name, sha256=each.sha256) for each in record.materials],
            truth_declared=record.truth_declared,
            reason=record.reason,
            effective_from=record.effective_from,
            created_at=record.created_at,
            created_by=strawberry.ID(record.created_by) if record.created_by else None,
            submitted_at=record.submitted_at,
            submitted_by=strawberry.ID(record.submitted_by) if record.submitted_by else None,
            reviews=[
                Review(
                    decision=each.decision,
                    at=each.at,
                    by=strawberry.ID(each.by) if each.by else None,
                    reason=each.reason,
                )
                for each in record.reviews
            ],
            effected_at=record.effected_at,
        )

    @strawberry.field(description="Whose application it is.", extensions=[OnlyFor(Action.READ_PARTICIPANT)])
    async def participant(self, info: Info) -> Annotated["Participant", strawberry.lazy("schema.participants")] | None:
        return cast("Participant | None", await find_node(info.context, self.record.participant_id))

    @strawberry.field(description="The records about it, the latest first.", extensions=[OnlyFor(Action.READ_RECORD)])
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
        wanted = asked_records(info, filter, subject=self.id)
        return await records_page(info, wanted, first=first, after=after, last=last, before=before)


@strawberry.input(description="Applications for which all of this holds.")
class ApplicationFilter:
    status: ApplicationStatus | None = None
    type: ApplicationType | None = None
    participant_id: strawberry.ID | None = None

    def asked(self) -> storage.ApplicationFilter:
        return storage.ApplicationFilter(status=self.status, type=self.type, participant_id=self.participant_id)


async def applications_page(
    info: Info,
    wanted: storage.ApplicationFilter,
    *,
    first: int | None,
    after: Cursor | None,
    last: int | None,
    before: Cursor | None,
) -> Connection[Application]:
    request = page_request(info, LATEST_FIRST, first=first, after=after, last=last, before=before)
    return await connection_of(info, info.context.services.applications, Application.of, wanted, request)


@strawberry.type
class ApplicationQuery:
    @strawberry.field(description="One application (申请).", metadata=asks(Action.READ_APPLICATION))
    async def application(self, info: Info, id: strawberry.ID) -> Application | None:  # noqa: A002 - Relay's name
        services = info.context.services
        parse_id(services.world, id)
        found = await services.applications.find(info.context.caller, id)
        return Application.of(services.world, found) if found else None

    @strawberry.field(
        description="Applications (申请), the latest first: a participant's own, to the depository all.",
        metadata=asks(Action.READ_APPLICATION),
    )
    async def applications(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: ApplicationFilter | None = None,  # noqa: A002 - the schema's name for it
    ) -> Connection[Application]:
        given = filter or ApplicationFilter()
        ensure_ids(info.context.services.world, given)
        return await applications_page(info, given.asked(), first=first, after=after, last=last, before=before)


serve(Kind.APPLICATION, lambda services: services.applications.get_many, Application.of)
