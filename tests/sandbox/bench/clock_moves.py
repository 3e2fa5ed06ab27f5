"""A test clock that goes 400 days ahead over 1 000 certificates: how long, and is each reminder there, on its day?

    python -m tests.sandbox.bench.clock_moves [CERTIFICATES [DAYS]]

Over TEST_MONGO_URI, or a SecantusDB of its own in memory. Twice: the certificates end on one day, as where all were
issued together; and spread over a year, so that on each day something is due. Goal: 60 s for 1 000 over 400 days.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

from sandbox.bootstrap import Sandbox
from sandbox.tenants.joining import Joined
from service.clock import business_date
from service.storage.reminders import ReminderStore
from tests.databases import open_server
from tests.sandbox.many_certificates import expected_days, give_certificates
from tests.sandbox.opening import join, opened_sandbox, prepared_settings

GOAL = 60.0
LOOK_SECONDS = 0.25


async def move(sandbox: Sandbox, joined: Joined, days: int) -> tuple[float, int, int]:
    """Advance the tenant's clock; the seconds, the events, and how many steps of progress were seen."""
    begun, seen = time.perf_counter(), set()
    job = await sandbox.moves.advance(sandbox.jobs, joined.tenant, timedelta(days=days))
    while not job.ended:
        await asyncio.sleep(LOOK_SECONDS)
        found = await sandbox.kept_jobs.find(job.id)
        assert found is not None
        job = found
        seen.add((job.percent, job.doing))
    assert job.problem is None, job.problem
    return time.perf_counter() - begun, job.events, len(seen)


async def wrong(sandbox: Sandbox, ends: dict[str, datetime], start: datetime, until: datetime) -> int:
    """How many reminders are missing, too many, or on another day than they should be."""
    tiers = sandbox.settings.reminder_days
    expected = Counter(
        (certificate, tier, day)
        for certificate, end in ends.items()
        for tier, day in expected_days(end, start, until, tiers).items()
    )
    reminders = await ReminderStore(sandbox.database).list_by({"certificateId": {"$in": list(ends)}}, 100_000)
    found = Counter((each.certificate_id, each.tier, business_date(each.reminded_at)) for each in reminders)
    return (expected - found).total() + (found - expected).total()


async def main(uri: str, certificates: int, days: int) -> bool:
    good = True
    with tempfile.TemporaryDirectory() as directory:
        async with prepared_settings(uri, Path(directory)) as settings, opened_sandbox(settings) as sandbox:
            for name, spread in (("ending on one day", 0), ("ending on each day of a year", 365)):
                joined = await join(sandbox)
                start = sandbox.clock.now().replace(microsecond=0)
                last = start + timedelta(days=365)
                ends = [last - timedelta(days=spread * n / certificates) for n in range(certificates)]
                ids = await give_certificates(sandbox, joined, [each.replace(microsecond=0) for each in ends])
                kept = dict(zip(ids, (each.replace(microsecond=0) for each in ends), strict=True))
                seconds, events, steps = await move(sandbox, joined, days)
                until = sandbox.clock.now(joined.tenant.id)
                faults = await wrong(sandbox, kept, start, until)
                print(f"{certificates} certificates {name}, {days} days: {seconds:.1f} s, {events} events, ", end="")
                print(f"{steps} steps of progress seen, {faults} reminders wrong", flush=True)
                good = good and seconds <= GOAL and not faults
    return good


if __name__ == "__main__":
    count, days = (int(each) for each in (*sys.argv[1:], *("1000", "400")[len(sys.argv) - 1 :]))
    given = os.environ.get("TEST_MONGO_URI")
    with nullcontext() if given else open_server() as server:
        sys.exit(not asyncio.run(main(given or server.uri, count, days)))
