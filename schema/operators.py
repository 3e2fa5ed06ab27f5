"""Operators (操作员, art. 11, 12) over GraphQL: who they are, what they hold, what they use."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self, cast

import strawberry

from schema.certificate_search import CertificateFilter, CertificateOrder, certificates_page, confined
from schema.certificates import Certificate
from schema.context import Info
from schema.cost import ListSize
from schema.nodes import ensure_ids, find_node, serve
from schema.pagination import Connection, connection_of, page_request
from schema.permissions import OnlyFor, asks
from schema.records import Record, RecordFilter, asked_records, records_page
from schema.scalars import Cursor
from schema.types import Marked, Node, marks
from service import operator_reviews, operators
from service.access import OperatorRole, Permission
from service.errors import BadInput
from service.identifiers import Kind, parse_id
from service.operator_reviews import LeaverConcern
from service.operators import Freezer, OffboardReason, OperatorStatus, SmsCancelReason, SmsStatus, SmsTopic
from service.pagination import BY_ID, LATEST_FIRST
from service.policy import Action, may
from service.storage import operators as storage
from service.storage.usage import KEPT_DAYS
from service.world import World

if TYPE_CHECKING:
    from schema.participants import Participant

for _enum, _description in (
    (OperatorRole, "What an operator is for: 管理员, 经办, 复核, 审计. A role bounds the permissions it may hold."),
    (OperatorStatus, "ACTIVE; FROZEN (冻结): kept out for a while; OFFBOARDED: gone, its record and number stay."),
    (Freezer, "Who froze an operator. Whom the DEPOSITORY froze, it alone unfreezes."),
    (OffboardReason, "LEFT (离职), MOVED (离岗), or the participant's own end."),
    (Permission, "The closed catalogue of what an operator can be permitted (art. 9, 11). There is no wildcard."),
    (SmsTopic, "What the SMS notices (短信通知服务) tell of."),
    (SmsStatus, "Whether notices are sent."),
    (SmsCancelReason, "Why they are sent no longer: offboarding ends them too (art. 11)."),
    (LeaverConcern, "What may be left behind by somebody who has gone (art. 11)."),
):
    strawberry.enum(_enum, description=_description)


@strawberry.enum(description="In the order of registration, the latest first, by number, or by name.")
class OperatorOrder(StrEnum):
    REGISTERED = "REGISTERED"
    LATEST = "LATEST"
    NUMBER = "NUMBER"
    NAME = "NAME"


ORDERS = {
    OperatorOrder.REGISTERED: BY_ID,
    OperatorOrder.LATEST: LATEST_FIRST,
    OperatorOrder.NUMBER: storage.BY_NUMBER,
    OperatorOrder.NAME: storage.BY_NAME,
}


@strawberry.type(description="A subscription to SMS notices (PROP短信通知服务), art. 11.")
class SmsSubscription:
    topic: SmsTopic
    telephone: str = strawberry.field(description="Masked: 138****1234.")
    status: SmsStatus
    subscribed_at: datetime
    cancelled_at: datetime | None
    cancel_reason: SmsCancelReason | None

    @classmethod
    def of(cls, record: operators.SmsSubscription) -> Self:
        return cls(
            topic=record.topic,
            telephone=record.telephone.masked,
            status=record.status,
            subscribed_at=record.subscribed_at,
            cancelled_at=record.cancelled_at,
            cancel_reason=record.cancel_reason,
        )


@strawberry.type(description="How often a permission was used in the time looked at, and when last.")
class PermissionUse:
    permission: Permission
    times: int
    last_used_at: datetime | None


@strawberry.type(
    description="What an operator holds against what it really used (art. 11: the least that its work needs)."
)
class LeastPrivilegeReview:
    days: int
    since: datetime
    granted: list[Permission] = strawberry.field(directives=[ListSize(assumed_size=len(Permission))])
    used: list[PermissionUse] = strawberry.field(directives=[ListSize(assumed_size=len(Permission))])
    unused: list[Permission] = strawberry.field(
        description="Held and not used in this time: what to take away.",
        directives=[ListSize(assumed_size=len(Permission))],
    )

    @classmethod
    def of(cls, review: operator_reviews.LeastPrivilegeReview) -> Self:
        return cls(
            days=review.days,
            since=review.since,
            granted=list(review.granted),
            used=[
                PermissionUse(permission=each.permission, times=each.times, last_used_at=each.last_used_at)
                for each in review.used
            ],
            unused=list(review.unused),
        )


@strawberry.type(
    description="A person (操作员) through whom a participant acts; those acts are the participant's (art. 11, 12)."
)
class Operator(Node, Marked):
    record: strawberry.Private[operators.Operator]
    version: int = strawberry.field(description="For `expectedVersion`: it grows with every change.")
    operator_number: str = strawberry.field(
        description="Six digits (操作员编号), one's own within the participant, never used again."
    )
    name: str
    role: OperatorRole
    status: OperatorStatus
    permissions: list[Permission] = strawberry.field(
        description="What it may do, one by one.", directives=[ListSize(assumed_size=len(Permission))]
    )
    telephone: str | None = strawberry.field(description="Masked: 138****1234.")
    sms_subscriptions: list[SmsSubscription] = strawberry.field(
        description="The latest of each topic.", directives=[ListSize(assumed_size=len(SmsTopic))]
    )
    registered_at: datetime
    last_seen_at: datetime | None
    frozen_at: datetime | None
    frozen_by: Freezer | None
    offboarded_at: datetime | None
    offboard_reason: OffboardReason | None

    @classmethod
    def of(cls, world: World, record: operators.Operator) -> Self:
        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            version=record.version,
            operator_number=record.operator_number,
            name=record.name,
            role=record.role,
            status=record.status,
            permissions=list(record.permissions),
            telephone=record.telephone.masked if record.telephone else None,
            sms_subscriptions=[SmsSubscription.of(each) for each in record.sms_subscriptions],
            registered_at=record.registered_at,
            last_seen_at=record.last_seen_at,
            frozen_at=record.frozen_at,
            frozen_by=record.frozen_by,
            offboarded_at=record.offboarded_at,
            offboard_reason=record.offboard_reason,
        )

    @strawberry.field(description="The institution for which it acts.", extensions=[OnlyFor(Action.READ_PARTICIPANT)])
    async def participant(self, info: Info) -> Annotated["Participant", strawberry.lazy("schema.participants")] | None:
        return cast("Participant | None", await find_node(info.context, self.record.participant_id))

    @strawberry.field(
        description="The telephone number in clear, for itself and for those who need it; null for others."
    )
    async def telephone_in_clear(self, info: Info) -> str | None:
        caller = info.context.caller
        if caller.id != self.id and not may(caller, Action.REVEAL_PERSONAL_DATA):
            return None
        return await info.context.services.operators.reveal_telephone(caller, self.record)

    @strawberry.field(
        description=f"Granted, used in the last `days` (1 to {KEPT_DAYS}), never used: what to take away (art. 11).",
        extensions=[OnlyFor(Action.READ_LEAST_PRIVILEGE)],
    )
    async def least_privilege(self, info: Info, days: int = 90) -> LeastPrivilegeReview | None:
        if not 1 <= days <= KEPT_DAYS:
            raise BadInput(f"days must be from 1 to {KEPT_DAYS}; this is {days}.", field="days")
        reviews = info.context.loaders.over(info.context.services.operator_reviews.reviews_of)
        return LeastPrivilegeReview.of(await reviews.load((self.record, days)))

    @strawberry.field(
        description="Its certificates (数字证书), art. 13.", extensions=[OnlyFor(Action.READ_CERTIFICATE)]
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
        wanted = confined(filter, operator_id=self.id)
        return await certificates_page(info, wanted, order, first=first, after=after, last=last, before=before)

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


@strawberry.type(description="An operator to look at, and why (art. 11).")
class LeaverFinding:
    operator: Operator
    concerns: list[LeaverConcern] = strawberry.field(directives=[ListSize(assumed_size=len(LeaverConcern))])

    @classmethod
    def of(cls, world: World, finding: operator_reviews.LeaverFinding) -> Self:
        return cls(operator=Operator.of(world, finding.operator), concerns=list(finding.concerns))


@strawberry.input(description="Operators for whom all of this holds.")
class OperatorFilter:
    participant_id: strawberry.ID | None = None
    status: OperatorStatus | None = None
    role: OperatorRole | None = None
    permission: Permission | None = strawberry.field(default=None, description="Those who hold it.")
    text: str | None = strawberry.field(default=None, description="In the name, or the digits of the number.")
    telephone: str | None = strawberry.field(
        default=None, description="The whole number; for those who may read it in clear."
    )
    seen_from: datetime | None = None
    seen_before: datetime | None = strawberry.field(default=None, description="Exclusive.")

    async def asked(self, info: Info) -> storage.OperatorFilter:
        service, caller = info.context.services.operators, info.context.caller
        return storage.OperatorFilter(
            participant_id=self.participant_id,
            status=self.status,
            role=self.role,
            permission=self.permission,
            text=self.text,
            telephone_index=await service.telephone_index(caller, self.telephone) if self.telephone else None,
            seen_from=self.seen_from,
            seen_before=self.seen_before,
        )


async def operators_page(
    info: Info,
    wanted: storage.OperatorFilter,
    order: OperatorOrder | None,
    *,
    first: int | None,
    after: Cursor | None,
    last: int | None,
    before: Cursor | None,
) -> Connection[Operator]:
    by = ORDERS[order or OperatorOrder.REGISTERED]
    request = page_request(info, by, first=first, after=after, last=last, before=before)
    return await connection_of(info, info.context.services.operators, Operator.of, wanted, request)


@strawberry.type
class OperatorQuery:
    @strawberry.field(description="One operator (操作员).", metadata=asks(Action.READ_OPERATOR))
    async def operator(self, info: Info, id: strawberry.ID) -> Operator | None:  # noqa: A002 - Relay's name
        services = info.context.services
        parse_id(services.world, id)
        found = await services.operators.find(info.context.caller, id)
        return Operator.of(services.world, found) if found else None

    @strawberry.field(
        description="Operators (操作员): a participant's own, to the depository all.",
        metadata=asks(Action.READ_OPERATOR),
    )
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
    ) -> Connection[Operator]:
        given = filter or OperatorFilter()
        ensure_ids(info.context.services.world, given)
        wanted = await given.asked(info)
        return await operators_page(info, wanted, order, first=first, after=after, last=last, before=before)


serve(Kind.OPERATOR, lambda services: services.operators.get_many, Operator.of)
