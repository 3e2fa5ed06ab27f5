"""Tasks in MongoDB: found by participant and by status."""

from service.storage.database import Database, Index
from service.storage.documents import Codec, Versioned, declare
from service.tasks import Task

TASK_CODEC = Codec(Task)

TASKS = declare(
    "tasks",
    TASK_CODEC,
    Index((("status", 1), ("_id", 1))),
    Index((("participantId", 1), ("_id", 1))),
    Index((("participantId", 1), ("status", 1), ("_id", 1))),
)


class TaskStore(Versioned[Task]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, TASKS, TASK_CODEC)
