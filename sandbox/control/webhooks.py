"""A tenant's webhooks: where its events go, what became of each, and the built-in receiver to try them against."""

from datetime import datetime
from typing import Self

import strawberry

from sandbox.control.joining import Snippet
from sandbox.control.requests import Info, own_tenant, sandbox_of
from sandbox.snippets.webhooks import render_webhook_snippets
from sandbox.tenants.durations import parse_duration
from sandbox.webhooks import deliveries
from sandbox.webhooks import endpoints as webhooks
from sandbox.webhooks.service import OVERLAP, Registered
from schema.cost import ListSize

for _each in (webhooks.EndpointState, deliveries.DeliveryState):
    strawberry.enum(_each)


@strawberry.type(description="One attempt to deliver: what went out and what came back.")
class Attempt:
    at: datetime
    by_hand: bool
    milliseconds: int
    status: int | None = strawberry.field(description="Null where no answer came.")
    problem: str | None
    request_head: str
    response_head: str
    response_body: str = strawberry.field(description="Its first 4 KiB.")

    @classmethod
    def of(cls, attempt: deliveries.Attempt) -> Self:
        return cls(
            at=attempt.at,
            by_hand=attempt.by_hand,
            milliseconds=attempt.milliseconds,
            status=attempt.status,
            problem=attempt.problem,
            request_head=attempt.request_head,
            response_head=attempt.response_head,
            response_body=attempt.response_body,
        )


@strawberry.type(description="One event on its way to one webhook.")
class Delivery:
    id: strawberry.ID
    webhook_id: strawberry.ID
    event_id: strawberry.ID = strawberry.field(description="What the header webhook-id says.")
    event_type: str
    fired: bool
    state: deliveries.DeliveryState
    created_at: datetime
    next_attempt_at: datetime | None
    payload: str = strawberry.field(description="The very bytes that are signed and sent.")
    attempts: list[Attempt] = strawberry.field(directives=[ListSize(assumed_size=deliveries.KEPT_ATTEMPTS)])

    @classmethod
    def of(cls, delivery: deliveries.Delivery) -> Self:
        pending = delivery.state is deliveries.DeliveryState.PENDING
        return cls(
            id=strawberry.ID(delivery.id),
            webhook_id=strawberry.ID(delivery.endpoint_id),
            event_id=strawberry.ID(delivery.event_id),
            event_type=delivery.event_type,
            fired=delivery.fired,
            state=delivery.state,
            created_at=delivery.created_at,
            next_attempt_at=delivery.next_attempt_at if pending else None,
            payload=delivery.body.decode(),
            attempts=[Attempt.of(each) for each in delivery.attempts],
        )


@strawberry.type(description="An address to which the tenant's events are sent.")
class Webhook:
    id: strawberry.ID
    url: str
    description: str
    topics: list[str] = strawberry.field(
        description="Event types, or their beginnings up to a dot; none stands for all.",
        directives=[ListSize(assumed_size=webhooks.MOST_TOPICS)],
    )
    state: webhooks.EndpointState
    created_at: datetime
    failures: int = strawberry.field(description="The last attempts in a row that failed.")
    paused_at: datetime | None
    paused_because: str | None = strawberry.field(description="Why the sandbox sends nothing there any more.")
    missed: int = strawberry.field(description="Events that found no room since it was enabled.")
    former_secret_until: datetime | None = strawberry.field(description="Until when the secret before signs too.")

    @classmethod
    def of(cls, endpoint: webhooks.Endpoint) -> Self:
        return cls(
            id=strawberry.ID(endpoint.id),
            url=endpoint.url,
            description=endpoint.description,
            topics=list(endpoint.topics),
            state=endpoint.state,
            created_at=endpoint.created_at,
            failures=endpoint.failures,
            paused_at=endpoint.paused_at,
            paused_because=endpoint.paused_because,
            missed=endpoint.missed,
            former_secret_until=endpoint.secrets[-1].until,
        )


@strawberry.input
class WebhookInput:
    url: str = strawberry.field(description="https://host/path. The built-in receiver's address is one too.")
    topics: list[str] = strawberry.field(default_factory=list, description="None for all events.")
    description: str = ""


@strawberry.type(description="A webhook and its new secret.")
class WebhookWithSecret:
    webhook: Webhook
    secret: str = strawberry.field(description="whsec_...: verifies what is sent. Shown this once.")
    snippets: list[Snippet] = strawberry.field(
        description="Programs that receive and verify; each reads the secret from a file.",
        directives=[ListSize(assumed_size=2)],
    )

    @classmethod
    def of(cls, registered: Registered) -> Self:
        rendered = render_webhook_snippets(registered.endpoint.id, registered.endpoint.url)
        return cls(
            webhook=Webhook.of(registered.endpoint),
            secret=registered.secret,
            snippets=[Snippet(language=one.language, file=one.file, run=one.run, text=one.text) for one in rendered],
        )


@strawberry.type
class WebhookQuery:
    @strawberry.field(directives=[ListSize(assumed_size=webhooks.MOST_ENDPOINTS)])
    async def webhooks(self, info: Info) -> list[Webhook]:
        tenant = await own_tenant(info)
        return [Webhook.of(each) for each in await sandbox_of(info).webhooks.service.of_tenant(tenant.id)]

    @strawberry.field(description="The newest first, of one webhook or all.", directives=[ListSize(assumed_size=20)])
    async def deliveries(self, info: Info, webhook: strawberry.ID | None = None, first: int = 20) -> list[Delivery]:
        tenant = await own_tenant(info)
        found = await sandbox_of(info).webhooks.service.deliveries(tenant.id, webhook, first)
        return [Delivery.of(each) for each in found]

    @strawberry.field(description="Null for another tenant's, as for none.")
    async def delivery(self, info: Info, id: strawberry.ID) -> Delivery | None:  # noqa: A002 - GraphQL's name for it
        tenant = await own_tenant(info)
        found = await sandbox_of(info).webhooks.service.find_delivery(tenant.id, id)
        return Delivery.of(found) if found else None


@strawberry.type
class WebhookMutation:
    @strawberry.mutation(description="Have the tenant's events sent to an address, from now on.")
    async def register_webhook(
        self,
        info: Info,
        input: WebhookInput,  # noqa: A002 - GraphQL's name for it
    ) -> WebhookWithSecret:
        tenant = await own_tenant(info)
        return WebhookWithSecret.of(
            await sandbox_of(info).webhooks.service.register(
                tenant.id, input.url, topics=input.topics, description=input.description
            )
        )

    @strawberry.mutation(description="A new secret. The one before signs beside it for the overlap, 24 h by default.")
    async def rotate_webhook_secret(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - GraphQL's name for it
        overlap: str | None = None,
    ) -> WebhookWithSecret:
        tenant = await own_tenant(info)
        span = OVERLAP if overlap is None else parse_duration(overlap)
        return WebhookWithSecret.of(await sandbox_of(info).webhooks.service.rotate(tenant.id, id, span))

    @strawberry.mutation(description="Send there again, what has waited first.")
    async def enable_webhook(self, info: Info, id: strawberry.ID) -> Webhook:  # noqa: A002 - as above
        tenant = await own_tenant(info)
        return Webhook.of(await sandbox_of(info).webhooks.service.switch_on(tenant.id, id))

    @strawberry.mutation(description="Let events pass by.")
    async def disable_webhook(self, info: Info, id: strawberry.ID) -> Webhook:  # noqa: A002 - as above
        tenant = await own_tenant(info)
        return Webhook.of(await sandbox_of(info).webhooks.service.switch_off(tenant.id, id))

    @strawberry.mutation(description="Remove it with its log. Answers its id.")
    async def remove_webhook(self, info: Info, id: strawberry.ID) -> strawberry.ID:  # noqa: A002 - as above
        tenant = await own_tenant(info)
        await sandbox_of(info).webhooks.service.remove(tenant.id, id)
        return id

    @strawberry.mutation(description="The same id and the same bytes again, at once, under a new timestamp.")
    async def redeliver(self, info: Info, id: strawberry.ID) -> Delivery:  # noqa: A002 - as above
        tenant = await own_tenant(info)
        return Delivery.of(await sandbox_of(info).webhooks.service.redeliver(tenant.id, id))
