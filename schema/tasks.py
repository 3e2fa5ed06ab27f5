"""Tasks: what waits for a decision of the depository (art. 20). Only the depository sees them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self, cast

import strawberry

from schema.context import Context, Info
from schema.mutations import EXPECTED_VERSION, mutation
from schema.nodes import ensure_ids, find_node, serve
from schema.pagination import Connection, connection_of, page_request
from schema.permissions import OnlyFor, asks
from schema.scalars import Cursor
from schema.types import Marked, Node, marks
from service import tasks
from service.acts import Done
from service.identifiers import Kind
from service.pagination import BY_ID
from service.policy import Action
from service.task_service import TaskFilter as Wanted
from service.tasks import TaskKind, TaskStatus
from service.world import World

if TYPE_CHECKING:
    from schema.participants import Participant

strawberry.enum(TaskKind, description="What raised it: a lost qualification (art. 20), a rejected agreement (art. 25).")
strawberry.enum(TaskStatus, description="OPEN until a person has decided.")


@strawberry.type(
    description="Something for the depository to decide (待办事项): events raise it, people decide (art. 20)."
)
class Task(Node, Marked):
    record: strawberry.Private[tasks.Task]
    version: int
    kind: TaskKind
    status: TaskStatus
    reference: str = strawberry.field(description="What raised it.")
    raised_at: datetime
    closed_at: datetime | None
    closed_by: strawberry.ID | None
    note: str | None = strawberry.field(description="What was decided.")

    @classmethod
    def of(cls, world: World, record: tasks.Task) -> Self:
        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            version=record.version,
            kind=record.kind,
            status=record.status,
            reference=record.reference,
            raised_at=record.raised_at,
            closed_at=record.closed_at,
            closed_by=strawberry.ID(record.closed_by) if record.closed_by else None,
            note=record.note,
        )

    @strawberry.field(description="Whom it concerns.", extensions=[OnlyFor(Action.READ_PARTICIPANT)])
    async def participant(self, info: Info) -> Annotated["Participant", strawberry.lazy("schema.participants")] | None:
        return cast("Participant | None", await find_node(info.context, self.record.participant_id))


@strawberry.input(description="Tasks for which all of this holds.")
class TaskFilter:
    status: TaskStatus | None = None
    participant_id: strawberry.ID | None = None


@strawberry.type
class TaskQuery:
    @strawberry.field(
        description="Tasks (待办事项), the oldest first: the depository's alone.", metadata=asks(Action.READ_TASK)
    )
    async def tasks(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: TaskFilter | None = None,  # noqa: A002 - the schema's name for it
    ) -> Connection[Task]:
        services = info.context.services
        given = filter or TaskFilter()
        ensure_ids(services.world, given)
        wanted = Wanted(given.status, given.participant_id)
        request = page_request(info, BY_ID, first=first, after=after, last=last, before=before)
        return await connection_of(info, services.tasks, Task.of, wanted, request)


@strawberry.input
class CloseTaskInput:
    task_id: strawberry.ID
    note: str = strawberry.field(description="What was decided. The decision itself is an act of its own.")
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.type
class TaskMutation:
    @mutation(Task, Action.CLOSE_TASK)
    async def close_task(self, context: Context, given: CloseTaskInput, key: str | None) -> Done[tasks.Task]:
        """Say what was decided about a task (办结待办事项), art. 20."""
        return await context.services.tasks.close(
            context.caller, given.task_id, given.note, expected_version=given.expected_version, key=key
        )


serve(Kind.TASK, lambda services: services.tasks.get_many, Task.of)
