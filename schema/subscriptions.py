"""Subscriptions: what happens, told as it happens, to whoever may see it at that moment (art. 11, 12).

Each is looked at again at every event and at least every 0.8 s: offboarded, frozen, suspended, expired, it ends with
UNAUTHENTICATED (over WebSocket the socket closes with 4401); a permission lost ends it with FORBIDDEN.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from schema.certificate_search import CertificateFilter
from schema.certificates import Certificate, now_of
from schema.context import Info
from schema.nodes import ensure_ids
from schema.operators import Operator, OperatorFilter
from schema.permissions import asks
from schema.records import Record, RecordFilter
from service.policy import Action

AFTER = "The id of the last record received: what was missed since comes first, each record once."


@strawberry.type
class LiveSubscription:
    @strawberry.subscription(
        description="Records (电子记录) as they enter the log, in its order: a participant's own, or to the "
        "depository all.",
        metadata=asks(Action.READ_RECORD),
    )
    async def record_added(
        self,
        info: Info,
        filter: RecordFilter | None = None,  # noqa: A002 - the schema's name for it
        after: Annotated[strawberry.ID | None, strawberry.argument(description=AFTER)] = None,
    ) -> AsyncGenerator[Record, None]:
        services, wanted = info.context.services, filter or RecordFilter()
        ensure_ids(services.world, wanted)
        async with aclosing(services.feeds.records.follow(info.context.current, wanted.asked(), after)) as records:
            async for record in records:
                yield Record.of(services.world, record)

    @strawberry.subscription(
        description="Operators (操作员) who come or change, if they then are as `filter` says. After a reconnect, read "
        "`operators` again: what changed in between is not repeated.",
        metadata=asks(Action.READ_OPERATOR),
    )
    async def operator_changed(
        self,
        info: Info,
        filter: OperatorFilter | None = None,  # noqa: A002 - the schema's name for it
    ) -> AsyncGenerator[Operator, None]:
        services, wanted = info.context.services, filter or OperatorFilter()
        ensure_ids(services.world, wanted)
        asked = await wanted.asked(info)
        async with aclosing(services.feeds.operators.follow(info.context.current, asked)) as operators:
            async for operator in operators:
                yield Operator.of(services.world, operator)

    @strawberry.subscription(
        description="Certificates (数字证书) that come or change, if they then are as `filter` says. That time passes "
        "is no change. After a reconnect, read `certificates` again, or follow `recordAdded` of the kind certificate, "
        "which goes on where it was left.",
        metadata=asks(Action.READ_CERTIFICATE),
    )
    async def certificate_changed(
        self,
        info: Info,
        filter: CertificateFilter | None = None,  # noqa: A002 - the schema's name for it
    ) -> AsyncGenerator[Certificate, None]:
        services, wanted = info.context.services, filter or CertificateFilter()
        ensure_ids(services.world, wanted)
        asked = wanted.asked(now_of(info))
        async with aclosing(services.feeds.certificates.follow(info.context.current, asked)) as certificates:
            async for certificate in certificates:
                yield Certificate.of(services.world, certificate)
