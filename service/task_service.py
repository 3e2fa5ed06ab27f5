"""What waits for a decision of the depository: looked up, and closed by a person (art. 20)."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.access import Caller
from service.acts import Act, Acts, Done
from service.pagination import Page, PageRequest
from service.policy import Action
from service.storage.database import Document
from service.storage.tasks import TASK_CODEC, TaskStore
from service.tasks import Task, TaskStatus, closed


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """What all hold together; None asks nothing."""

    status: TaskStatus | None = None
    participant_id: str | None = None

    def query(self) -> Document:
        asked = {"status": self.status, "participantId": self.participant_id}
        return {name: value for name, value in asked.items() if value is not None}


class TaskService:
    def __init__(self, acts: Acts, tasks: TaskStore) -> None:
        self._acts = acts
        self._tasks = tasks

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[Task | None]:
        """In the order of `ids`; None for what is not there."""
        await self._acts.permit(caller, Action.READ_TASK)
        return await self._tasks.get_many(ids)

    async def page(self, caller: Caller, wanted: TaskFilter, request: PageRequest) -> Page[Task]:
        """In the order in which they were raised, or the latest first (`BY_ID`, `LATEST_FIRST`)."""
        await self._acts.permit(caller, Action.READ_TASK)
        return await self._tasks.page(request, wanted.query())

    async def count(self, caller: Caller, wanted: TaskFilter) -> int:
        await self._acts.permit(caller, Action.READ_TASK)
        return await self._tasks.count(wanted.query())

    async def close(
        self, caller: Caller, task_id: str, note: str, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[Task]:
        """Say what was decided about a task. The decision itself is an act of its own."""

        async def work(act: Act) -> Done[Task]:
            found = await self._tasks.find(task_id, act.session)
            task = closed(found, by=act.caller.id, note=note, at=act.at)
            act.ensure_version(task.version, expected_version)
            saved = await self._tasks.replace(act.session, task)
            record = await act.record("task.closed", saved.id, saved.participant_id, {"note": note})
            return Done(saved, record)

        asked = {"task": task_id, "note": note, "version": expected_version}
        return await self._acts.perform(caller, Action.CLOSE_TASK, TASK_CODEC, work, given=asked, key=key)
