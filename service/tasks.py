"""Tasks: what waits for a decision of the depository. Events raise them, people decide them (art. 20)."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from service.refusals import RefusalCode, refuse


class TaskKind(StrEnum):
    QUALIFICATION_LOST = "QUALIFICATION_LOST"  # art. 20: terminate, or not
    AGREEMENT_REJECTED = "AGREEMENT_REJECTED"  # art. 25: it is to close


class TaskStatus(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing to decide about a participant. `reference` says what raised it."""

    id: str
    version: int
    kind: TaskKind
    status: TaskStatus
    participant_id: str
    reference: str
    raised_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None
    note: str | None = None


def closed(task: Task | None, *, by: str | None, note: str, at: datetime) -> Task:
    """Raises Refused(TASK_NOT_FOUND) for none, or one that is closed already."""
    if task is None or task.status is TaskStatus.CLOSED:
        raise refuse(RefusalCode.TASK_NOT_FOUND, "taskId")
    return replace(task, status=TaskStatus.CLOSED, closed_at=at, closed_by=by, note=note)
