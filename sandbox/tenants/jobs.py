"""Jobs of tenants: what takes longer than an answer, one at a time for each tenant, with progress to look at."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

STALE = timedelta(seconds=15)  # without a sign of life: its process is gone, another takes over


class JobKind(StrEnum):
    MOVE_CLOCK = "MOVE_CLOCK"
    SNAPSHOT = "SNAPSHOT"
    RESTORE = "RESTORE"
    RESET = "RESET"


class JobState(StrEnum):
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantJob:
    """One job. `events` counts what it brought about; times are real.

    `ahead_ms` is where a clock is to be moved, `snapshot` which one is taken or restored: enough to take it over.
    """

    id: str
    version: int
    tenant_id: str
    kind: JobKind
    state: JobState
    percent: int = 0
    doing: str = ""
    events: int = 0
    ahead_ms: int | None = None
    snapshot: str | None = None
    started_at: datetime
    beat_at: datetime
    ended_at: datetime | None = None
    problem: str | None = None

    @property
    def ended(self) -> bool:
        return self.state is not JobState.RUNNING


def progressed(job: TenantJob, percent: int, doing: str, events: int, at: datetime) -> TenantJob:
    return replace(job, percent=max(job.percent, min(percent, 99)), doing=doing[:120], events=events, beat_at=at)


def done(job: TenantJob, events: int, at: datetime) -> TenantJob:
    return replace(
        job, state=JobState.DONE, percent=100, doing="", events=events, beat_at=at, ended_at=at, problem=None
    )


def failed(job: TenantJob, problem: str, at: datetime) -> TenantJob:
    return replace(job, state=JobState.FAILED, doing="", beat_at=at, ended_at=at, problem=problem[:500])
