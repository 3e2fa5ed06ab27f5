"""The built-in receiver of a tenant: its address, how it answers, and what came."""

from datetime import datetime
from typing import Self

import strawberry

from sandbox.bootstrap import Sandbox
from sandbox.control.requests import Info, own_tenant, sandbox_of
from sandbox.webhooks import receivers, signatures
from schema.cost import ListSize

for _each in (receivers.Manner, signatures.Verdict):
    strawberry.enum(_each)


@strawberry.type(description="A message as it came to the receiver.")
class Received:
    at: datetime
    verdict: signatures.Verdict
    again: bool = strawberry.field(description="One with this webhook-id came before: a client does nothing then.")
    webhook_id: str
    timestamp: str
    signature: str
    body: str
    answered: int | None = strawberry.field(description="The status; null where it was slow.")

    @classmethod
    def of(cls, received: receivers.Received) -> Self:
        return cls(
            at=received.at,
            verdict=received.verdict,
            again=received.again,
            webhook_id=received.webhook_id,
            timestamp=received.timestamp,
            signature=received.signature,
            body=received.body,
            answered=received.answered,
        )


@strawberry.type(description="Takes webhooks at an address of the tenant's own, and verifies them as a client should.")
class Receiver:
    url: str = strawberry.field(description="Cannot be guessed. Register it as a webhook.")
    manner: receivers.Manner
    received: list[Received] = strawberry.field(
        description="The newest first.", directives=[ListSize(assumed_size=receivers.KEPT)]
    )


async def _receiver(sandbox: Sandbox, tenant_id: str) -> Receiver:
    parts = sandbox.webhooks
    return Receiver(
        url=parts.receiver_url(tenant_id),
        manner=await parts.receivers.manner_of(tenant_id),
        received=[Received.of(each) for each in await parts.received.latest_of(tenant_id, receivers.KEPT)],
    )


@strawberry.type
class ReceiverQuery:
    @strawberry.field
    async def receiver(self, info: Info) -> Receiver:
        return await _receiver(sandbox_of(info), (await own_tenant(info)).id)


@strawberry.type
class ReceiverMutation:
    @strawberry.mutation(description="Have the receiver answer well, with 500, too slowly or with 410.")
    async def set_receiver(self, info: Info, manner: receivers.Manner) -> Receiver:
        sandbox, tenant = sandbox_of(info), await own_tenant(info)
        await sandbox.webhooks.receivers.put(tenant.id, manner)
        return await _receiver(sandbox, tenant.id)
