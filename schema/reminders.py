"""Reminders (到期提醒, art. 14): what was said of an end to come, to whom, and who has seen it."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self, cast

import strawberry

from schema.context import Context, Info
from schema.cost import ListSize
from schema.mutations import mutation
from schema.nodes import find_node, serve
from schema.permissions import OnlyFor
from schema.types import Marked, Node, marks
from service import reminders
from service.acts import Done
from service.identifiers import Kind
from service.policy import Action
from service.reminders import AFTER, Audience
from service.world import World

if TYPE_CHECKING:
    from schema.certificates import Certificate

strawberry.enum(Audience, description="Who is reminded: the holder, its administrators, the depository.")


@strawberry.type(description="A reminder (到期提醒) of a certificate's end: one for each tier, for good (art. 14).")
class Reminder(Node, Marked):
    record: strawberry.Private[reminders.Reminder]
    days: int | None = strawberry.field(description="The tier: at most so many days were left. Null: it had expired.")
    audience: list[Audience] = strawberry.field(
        description="The nearer the end, the more are told.", directives=[ListSize(assumed_size=len(Audience))]
    )
    not_after: datetime
    reminded_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: strawberry.ID | None

    @classmethod
    def of(cls, world: World, record: reminders.Reminder) -> Self:
        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            days=None if record.tier == AFTER else record.tier,
            audience=list(record.audience),
            not_after=record.not_after,
            reminded_at=record.reminded_at,
            acknowledged_at=record.acknowledged_at,
            acknowledged_by=strawberry.ID(record.acknowledged_by) if record.acknowledged_by else None,
        )

    @strawberry.field(description="What it reminds of.", extensions=[OnlyFor(Action.READ_CERTIFICATE)])
    async def certificate(self, info: Info) -> Annotated["Certificate", strawberry.lazy("schema.certificates")] | None:
        return cast("Certificate | None", await find_node(info.context, self.record.certificate_id))


@strawberry.input
class AcknowledgeReminderInput:
    reminder_id: strawberry.ID


@strawberry.type
class ReminderMutation:
    @mutation(Reminder, Action.ACKNOWLEDGE_REMINDER)
    async def acknowledge_reminder(
        self, context: Context, given: AcknowledgeReminderInput, key: str | None
    ) -> Done[reminders.Reminder]:
        """Say that a reminder was seen (确认提醒). The next tier reminds all the same."""
        return await context.services.reminders.acknowledge(context.caller, given.reminder_id, key=key)


serve(Kind.REMINDER, lambda services: services.reminders.get_many, Reminder.of)
