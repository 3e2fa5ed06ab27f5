"""The inspector: what the tenant's clients asked, what they were told, and why."""

from datetime import datetime
from typing import Self

import strawberry

from sandbox.control.requests import Info, own_tenant, sandbox_of
from sandbox.inspector import exchanges as records
from sandbox.inspector.bounds import MOST_BYTES, MOST_KEPT
from sandbox.inspector.explaining import Explanation
from sandbox.inspector.replaying import Replayed, why_not_repeatable
from sandbox.tenants.join_routes import client_address
from schema.cost import ListSize
from schema.pagination import Connection, connect, page_request
from schema.scalars import Cursor
from service.access import Permission
from service.pagination import LATEST_FIRST

for _each in (records.Endpoint, records.Protocol, records.Outcome):
    strawberry.enum(_each)


@strawberry.type(description="One reason for which the answer was no, and what would have made it yes.")
class Why:
    code: str
    article: int | None = strawberry.field(description="Of the agreement in force.")
    article_text: str | None
    article_text_en: str | None
    field: list[str] = strawberry.field(directives=[ListSize(assumed_size=4)])
    message: str = strawberry.field(description="What the answer said.")
    message_zh: str | None
    advice: str = strawberry.field(description="What would have made it yes.")
    advice_zh: str
    permission: Permission | None = strawberry.field(description="The one that the operator lacks, as it stands now.")
    permission_why: str | None = strawberry.field(description="Why it does: whom to ask for what.")
    permission_why_zh: str | None

    @classmethod
    def of(cls, explanation: Explanation) -> Self:
        trouble, article, missing = explanation.trouble, explanation.article, explanation.missing
        return cls(
            code=trouble.code,
            article=trouble.article,
            article_text=article.chinese if article else None,
            article_text_en=article.english if article else None,
            field=list(trouble.field),
            message=trouble.english,
            message_zh=trouble.chinese,
            advice=explanation.advice.english,
            advice_zh=explanation.advice.chinese,
            permission=missing.permission if missing else None,
            permission_why=missing.why if missing else None,
            permission_why_zh=missing.why_zh if missing else None,
        )


KEPT = f"for 30 days, and of a tenant the newest {MOST_KEPT:,} or {MOST_BYTES // 1024**2} MiB"


@strawberry.type(description=f"One request with its answer, or one operation on a WebSocket; kept {KEPT}.")
class Exchange:
    record: strawberry.Private[records.Exchange]
    id: strawberry.ID
    at: datetime
    tenant_at: datetime = strawberry.field(description="By the tenant's own clock.")
    endpoint: records.Endpoint
    protocol: records.Protocol
    method: str
    request_id: str
    status: int
    outcome: records.Outcome
    operation_name: str | None
    operation_kind: str | None
    document: str | None = strawberry.field(description="Without secrets and personal data.")
    variables: str | None = strawberry.field(description="JSON, masked likewise; of a login, what the assertion said.")
    masked: bool = strawberry.field(description="Whether something was taken out.")
    operator_id: strawberry.ID | None
    operator_number: str | None
    codes: list[str] = strawberry.field(directives=[ListSize(assumed_size=3)])
    cost: int | None
    milliseconds: int | None = strawberry.field(description="Null while it runs.")
    answers: int
    scenario: str | None
    fault: str | None
    idempotency_key: str | None
    digest: str | None = strawberry.field(description="Keyed; equal for equal answers.")

    @classmethod
    def of(cls, record: records.Exchange) -> Self:
        return cls(
            record=record,
            id=strawberry.ID(record.id),
            at=record.at,
            tenant_at=record.tenant_at,
            endpoint=record.endpoint,
            protocol=record.protocol,
            method=record.method,
            request_id=record.request_id,
            status=record.status,
            outcome=record.outcome,
            operation_name=record.operation_name,
            operation_kind=record.operation_kind,
            document=record.document,
            variables=record.variables,
            masked=record.masked,
            operator_id=strawberry.ID(record.operator_id) if record.operator_id else None,
            operator_number=record.operator_number,
            codes=list(record.codes),
            cost=record.cost,
            milliseconds=record.milliseconds,
            answers=record.answers,
            scenario=record.scenario,
            fault=record.fault,
            idempotency_key=record.idempotency_key,
            digest=record.digest,
        )

    @strawberry.field(description="Why it was refused; empty where it was not.", directives=[ListSize(assumed_size=3)])
    async def why(self, info: Info) -> list[Why]:
        return [Why.of(each) for each in await sandbox_of(info).explaining.explain(self.record)]

    @strawberry.field(description="Why it cannot be run again; null where it can.")
    def not_replayable(self) -> str | None:
        reason = why_not_repeatable(self.record)
        return reason[0] if reason else None

    @strawberry.field(description="The same in Chinese.")
    def not_replayable_zh(self) -> str | None:
        reason = why_not_repeatable(self.record)
        return reason[1] if reason else None

    @strawberry.field(description="Its place in the console: opens for whoever has the tenant's secret, nobody else.")
    def link(self, info: Info) -> str:
        return f"{sandbox_of(info).settings.public_url}/#inspector/{self.id}"


@strawberry.type(description="What running it again came to.")
class Replay:
    status: int
    body: str
    exchange: Exchange | None = strawberry.field(description="That of the replay itself.")
    same: bool = strawberry.field(description="Whether the answer is the same, to the byte.")

    @classmethod
    def of(cls, replayed: Replayed, before: records.Exchange) -> Self:
        found = replayed.exchange
        return cls(
            status=replayed.status,
            body=replayed.body,
            exchange=Exchange.of(found) if found else None,
            same=found is not None and found.digest == before.digest,
        )


@strawberry.input(description="What all hold together; what is left out asks nothing.")
class ExchangeFilter:
    since: datetime | None = None
    until: datetime | None = None
    operation: str | None = strawberry.field(default=None, description="The operation's name.")
    outcome: records.Outcome | None = None
    code: str | None = strawberry.field(default=None, description="Of an error or a refusal.")
    operator_id: strawberry.ID | None = None
    endpoint: records.Endpoint | None = None

    def plain(self) -> records.ExchangeFilter:
        return records.ExchangeFilter(
            since=self.since,
            until=self.until,
            operation=self.operation,
            outcome=self.outcome,
            code=self.code,
            operator_id=self.operator_id,
            endpoint=self.endpoint,
        )


@strawberry.type
class ExchangeQuery:
    @strawberry.field(description=f"The tenant's exchanges that are kept ({KEPT}), the latest first.")
    async def exchanges(
        self,
        info: Info,
        *,
        filter: ExchangeFilter | None = None,  # noqa: A002 - GraphQL's name for it
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Exchange]:
        tenant, log = await own_tenant(info), sandbox_of(info).exchanges
        wanted = filter.plain() if filter else records.ExchangeFilter()
        request = page_request(info, LATEST_FIRST, first=first, after=after, last=last, before=before)
        page = await log.page(tenant.id, wanted, request)
        return connect(page, Exchange.of, lambda: log.count(tenant.id, wanted))

    @strawberry.field(description="One of them; null for another tenant's, as for none.")
    async def exchange(self, info: Info, id: strawberry.ID) -> Exchange | None:  # noqa: A002 - as above
        found = await sandbox_of(info).exchanges.find((await own_tenant(info)).id, id)
        return Exchange.of(found) if found else None


@strawberry.type
class ExchangeMutation:
    @strawberry.mutation(description="Run the operation anew as the same operator: `token` is that one's bearer.")
    async def replay_exchange(self, info: Info, id: strawberry.ID, token: str | None = None) -> Replay | None:  # noqa: A002 - as above
        sandbox, tenant = sandbox_of(info), await own_tenant(info)
        found = await sandbox.exchanges.find(tenant.id, id)
        if found is None:
            return None
        return Replay.of(await sandbox.replaying.replay(found, token, client_address.get()), found)
