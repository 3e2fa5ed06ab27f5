"""Calendar feeds (到期日历订阅): the address at which a participant's calendar programs read what expires when."""

from datetime import datetime
from typing import Self

import strawberry

from schema.context import Context, Info
from schema.mutations import mutation, own_or
from schema.nodes import serve
from schema.permissions import OnlyFor
from schema.types import Marked, Node, marks
from service import calendars
from service.acts import Done
from service.identifiers import Kind
from service.policy import Action
from service.world import World


@strawberry.type(description="A feed of what expires when, for calendar programs (iCalendar), until it is withdrawn.")
class Calendar(Node, Marked):
    record: strawberry.Private[calendars.Calendar]
    version: int
    created_at: datetime
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, world: World, record: calendars.Calendar) -> Self:
        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            version=record.version,
            created_at=record.created_at,
            withdrawn_at=record.withdrawn_at,
        )

    @strawberry.field(
        description="The address. It is a secret: who has it can read the feed. Null once it is withdrawn.",
        extensions=[OnlyFor(Action.KEEP_CALENDAR)],
    )
    async def url(self, info: Info) -> str | None:
        return info.context.services.calendars.url_of(self.record)


@strawberry.input
class GiveOutCalendarInput:
    participant_id: strawberry.ID | None = strawberry.field(default=None, description="Left out: the caller's own.")


@strawberry.input
class WithdrawCalendarInput:
    calendar_id: strawberry.ID


@strawberry.type
class CalendarMutation:
    @mutation(Calendar, Action.KEEP_CALENDAR)
    async def give_out_calendar(
        self, context: Context, given: GiveOutCalendarInput, key: str | None
    ) -> Done[calendars.Calendar]:
        """Give out a new address of the participant's calendar; the ones before are withdrawn."""
        return await context.services.calendars.give_out(context.caller, own_or(context, given.participant_id), key=key)

    @mutation(Calendar, Action.KEEP_CALENDAR)
    async def withdraw_calendar(
        self, context: Context, given: WithdrawCalendarInput, key: str | None
    ) -> Done[calendars.Calendar]:
        """Let an address of the calendar answer no more."""
        return await context.services.calendars.withdraw(context.caller, given.calendar_id, key=key)


serve(Kind.CALENDAR, lambda services: services.calendars.get_many, Calendar.of)
