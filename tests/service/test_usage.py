"""Uses that are counted in the process: an outage of the database loses none of them, and fills no memory."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError

from service import background
from service.access import Caller, CallerKind, Permission
from service.storage.usage import DailyUse
from service.usage import Usage

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
READ = Permission.OPERATOR_READ


class Kept:
    """Both stores, of a database that may be away. `unwritable` is one that it never takes."""

    def __init__(self) -> None:
        self.away: Exception | None = None
        self.unwritable = ""
        self.uses: list[DailyUse] = []
        self.seen: dict[str, datetime] = {}
        self.refused = self.took = asyncio.Event()

    async def add(self, use: DailyUse) -> None:
        self._ensure(use.operator_id)
        self.uses.append(use)

    async def saw(self, operator_id: str, at: datetime) -> None:
        self._ensure(operator_id)
        self.seen[operator_id] = at
        self.took.set()

    def _ensure(self, operator_id: str) -> None:
        if self.away is not None or operator_id == self.unwritable:
            self.refused.set()
            raise self.away or ValueError("a document that is none")


@pytest.fixture
def kept() -> Kept:
    return Kept()


def make_usage(kept: Any, **options: int) -> Usage:
    return Usage(kept, kept, **options)


def operator(name: str) -> Caller:
    return Caller(CallerKind.OPERATOR, name, "live-pt-1")


@pytest.mark.parametrize("error", [AutoReconnect("primary stepped down"), ServerSelectionTimeoutError("no primary")])
async def test_a_failover_during_a_flush_does_not_end_the_counting(
    kept: Kept, error: Exception, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    usage, kept.away, kept.took = make_usage(kept), error, asyncio.Event()
    usage.note(operator("ann"), READ, NOW)
    running = asyncio.create_task(usage.run(every=0.0))
    async with asyncio.timeout(30):
        await kept.refused.wait()
        usage.note(operator("ann"), READ, NOW)
        kept.away = None
        await kept.took.wait()
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [(use.operator_id, use.times) for use in kept.uses] == [("ann", 2)]
    assert kept.seen == {"ann": NOW}


async def test_what_waits_in_an_outage_is_bounded_and_what_is_counted_is_counted_on(
    kept: Kept, caplog: pytest.LogCaptureFixture
):
    usage = make_usage(kept, most=2)
    for name in ("ann", "ben", "cat", "dan", "ann"):
        usage.note(operator(name), READ, NOW)
    await usage.flush()
    assert {use.operator_id: use.times for use in kept.uses} == {"ann": 2, "ben": 1}
    assert kept.seen.keys() == {"ann", "ben"}
    assert [each.__dict__["count"] for each in caplog.records] == [2]


async def test_one_that_can_never_be_written_does_not_keep_back_the_others_for_ever(kept: Kept):
    usage, kept.unwritable = make_usage(kept), "ann"
    for name in ("ann", "ben", "cat"):
        usage.note(operator(name), READ, NOW)
    for _ in range(2):
        with pytest.raises(ValueError, match="none"):
            await usage.flush()
    assert {use.operator_id for use in kept.uses} == {"ben", "cat"}
