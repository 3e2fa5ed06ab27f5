"""The events there are, and firing one to see it arrive."""

from typing import Self

import strawberry

from sandbox.bootstrap import Sandbox
from sandbox.control.requests import Info, own_tenant, sandbox_of
from sandbox.control.webhooks import Delivery
from sandbox.webhooks import event_types, events
from schema.cost import ListSize


@strawberry.type(description="A kind of event: what happens to a participant, or to all.")
class EventType:
    name: str
    article: int = strawberry.field(description="The article of the agreement that it comes from.")
    zh: str
    en: str
    for_all: bool = strawberry.field(description="Concerns every participant.")
    example: str = strawberry.field(description="A payload, as a webhook gets it.")

    @classmethod
    def of(cls, event_type: event_types.EventType, example: events.Event) -> Self:
        return cls(
            name=event_type.name,
            article=event_type.article,
            zh=event_type.zh,
            en=event_type.en,
            for_all=event_type.for_all,
            example=example.body.decode(),
        )


@strawberry.type(description="An event that was fired: nothing has happened, but it is told.")
class FiredEvent:
    id: strawberry.ID
    payload: str
    deliveries: list[Delivery] = strawberry.field(directives=[ListSize(assumed_size=10)])


def _example(sandbox: Sandbox, event_type: event_types.EventType, tenant_id: str) -> events.Event:
    return events.fired_event(sandbox.world, sandbox.clock, event_type, tenant_id, 0)


@strawberry.type
class EventQuery:
    @strawberry.field(directives=[ListSize(assumed_size=60)])
    def event_types(self, info: Info) -> list[EventType]:
        sandbox = sandbox_of(info)
        whose = info.context.caller.participant_id or events.example_participant(sandbox.world, sandbox.clock)
        return [EventType.of(each, _example(sandbox, each, whose)) for each in event_types.EVENT_TYPES.values()]


@strawberry.type
class EventMutation:
    @strawberry.mutation(
        description="Tell the tenant's webhooks of an event as if it had happened now, by the tenant's time. "
        "`subject` is the id of what it is about, `content` a JSON object; both are made up if left out."
    )
    async def fire_event(
        self,
        info: Info,
        type: str,  # noqa: A002 - GraphQL's name for it
        subject: strawberry.ID | None = None,
        content: str | None = None,
    ) -> FiredEvent:
        tenant = await own_tenant(info)
        event, queued = await sandbox_of(info).webhooks.service.fire(tenant.id, type, subject=subject, content=content)
        return FiredEvent(
            id=strawberry.ID(event.id),
            payload=event.body.decode(),
            deliveries=[Delivery.of(each) for each in queued],
        )
