"""A tenant's own time brings it all that time brings, each on its day; a neighbour's tenant has none of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.bootstrap import Sandbox
from sandbox.personas.editions import former_edition
from sandbox.tenants.due_work import due_works, visits
from sandbox.tenants.happenings import HappeningKind
from sandbox.tenants.jobs import JobState
from sandbox.tenants.joining import Joined
from service.access import SYSTEM, Caller, CallerKind
from service.agreement_digest import read_digest
from service.certificates import CertificateState
from service.clock import SHANGHAI, business_date
from service.operators import SmsTopic
from service.pagination import BY_ID, PageRequest
from service.participants import AcceptanceManner
from service.records import Record, RecordFilter
from service.reminders import AFTER
from service.storage.certificates import CertificateStore
from service.storage.reminders import ReminderStore
from tests.sandbox.many_certificates import expected_days, give_certificates
from tests.sandbox.opening import join, opened_sandbox, prepared_settings
from tests.sandbox.test_clock import advance, all_objects, ended

DAY = timedelta(days=1)
START = datetime(2026, 11, 22, 12, tzinfo=SHANGHAI)


@pytest.fixture
async def sandbox(wire_uri: str, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with prepared_settings(wire_uri, tmp_path) as settings, opened_sandbox(settings) as opened:
        yield opened


async def records_of(sandbox: Sandbox, joined: Joined, kind: str) -> list[Record]:
    wanted = RecordFilter(participant_id=joined.tenant.id, kind=kind)
    return list((await sandbox.services.records.page(SYSTEM, wanted, PageRequest(BY_ID, 1_000))).items)


@pytest.mark.wire
async def test_over_400_days_each_certificate_is_reminded_of_on_the_very_days_of_a_plain_model(sandbox: Sandbox):
    """Takes some seconds: a hundred days of 400 have something due, of forty certificates."""
    mine, neighbours = await join(sandbox), await join(sandbox)
    start = sandbox.clock.now().replace(microsecond=0)
    ends = [start + timedelta(days=5 + 29 * (n % 12), hours=n, seconds=n) for n in range(40)]
    ids = await give_certificates(sandbox, mine, ends)
    await give_certificates(sandbox, neighbours, ends[:5])
    before = await all_objects(sandbox, neighbours.tenant.id)
    job = await sandbox.moves.advance(sandbox.jobs, mine.tenant, 400 * DAY)
    shown = {job.percent}
    while not job.ended:
        await asyncio.sleep(0.05)
        job = await sandbox.kept_jobs.find(job.id) or job
        shown.add(job.percent)
    assert (job.state, job.problem) == (JobState.DONE, None)
    assert len(shown) > 3, "one sees how far it is"
    until, tiers = sandbox.clock.now(mine.tenant.id), sandbox.settings.reminder_days
    reminders = await ReminderStore(sandbox.database).list_by({"participantId": mine.tenant.id}, 10_000)
    ours = [each for each in reminders if each.certificate_id in set(ids)]
    found = Counter((each.certificate_id, each.tier, business_date(each.reminded_at)) for each in ours)
    model = [
        (certificate, tier, day)
        for certificate, end in zip(ids, ends, strict=True)
        for tier, day in expected_days(end, start, until, tiers).items()
    ]
    assert found == Counter(model)
    assert {certificate for certificate, tier, _ in model if tier == AFTER} == set(ids), "all of them have expired"
    recorded = await records_of(sandbox, mine, "certificate.reminded")
    assert {each.subject for each in recorded} == {each.id for each in reminders}
    assert len(recorded) == len(reminders) == job.events
    assert {business_date(each.at) for each in recorded} == {business_date(each.reminded_at) for each in reminders}
    assert await all_objects(sandbox, neighbours.tenant.id) == before


@pytest.mark.wire
async def test_a_renewed_certificate_ends_with_its_overlap_and_is_not_reminded_of_afterwards(sandbox: Sandbox):
    joined = await join(sandbox)
    start = sandbox.clock.now().replace(microsecond=0)
    old_id, new_id = await give_certificates(sandbox, joined, [start + 20 * DAY, start + 380 * DAY])
    overlap_ends = start + 10 * DAY + timedelta(hours=3)
    store = CertificateStore(sandbox.database)
    change = {"supersededById": new_id, "overlapEndsAt": overlap_ends, "overlapDue": overlap_ends}
    await store.collection.update_one({"_id": old_id}, {"$set": change, "$unset": {"seat": ""}})
    await advance(sandbox, joined, 40 * DAY)
    old = await store.find(old_id)
    assert old is not None
    assert old.state is CertificateState.SUPERSEDED
    assert old.superseded_at is not None
    assert business_date(old.superseded_at) == business_date(overlap_ends)
    known = await ReminderStore(sandbox.database).tiers_of([old_id])
    assert known == {(old_id, 30), (old_id, 14)}, "those of before its overlap was over"
    (record,) = await records_of(sandbox, joined, "certificate.superseded")
    assert (record.subject, business_date(record.at)) == (old_id, business_date(overlap_ends))


@pytest.mark.wire
async def test_what_comes_due_after_a_move_is_done_while_the_clock_stays_ahead(sandbox: Sandbox):
    joined = await join(sandbox)
    await advance(sandbox, joined, 100 * DAY)
    end = sandbox.clock.now(joined.tenant.id).replace(microsecond=0) + 5 * DAY
    (certificate,) = await give_certificates(sandbox, joined, [end])
    assert await sandbox.moves.live() == 1
    assert await sandbox.moves.live() == 0
    assert await ReminderStore(sandbox.database).tiers_of([certificate]) == {(certificate, 7)}


@pytest.mark.wire
async def test_the_services_own_job_reminds_by_each_participants_time(sandbox: Sandbox):
    joined = await join(sandbox)
    end = sandbox.clock.now().replace(microsecond=0) + 60 * DAY
    (certificate,) = await give_certificates(sandbox, joined, [end])
    await sandbox.moves.put(joined.tenant.id, 1, 70 * DAY)
    await sandbox.services.reminders.remind_due()
    assert await ReminderStore(sandbox.database).tiers_of([certificate]) == {(certificate, AFTER)}


@pytest.mark.wire
async def test_the_same_move_done_twice_reminds_once(sandbox: Sandbox):
    joined = await join(sandbox)
    start = sandbox.clock.now().replace(microsecond=0)
    await give_certificates(sandbox, joined, [start + 30 * DAY])
    done = await advance(sandbox, joined, 40 * DAY)
    again = [
        await work.does(joined.tenant.id, since) for work in due_works(sandbox.services) for since in (None, start)
    ]
    assert done.events > 0
    assert sum(again) == 0
    assert (await ended(sandbox, done)).events == done.events


moments = st.timedeltas(timedelta(0), 92 * DAY).map(lambda passed: START + passed)
times_of_a_day = st.timedeltas(timedelta(0), timedelta(hours=23, minutes=58))


@given(st.lists(moments, max_size=30))
def test_whatever_falls_is_visited_on_its_day_and_not_before_it_fell(falls: list[datetime]):
    until = START + 60 * DAY
    looked = visits(falls, START, until)
    assert looked == sorted(set(looked))
    assert all(START < each <= until for each in looked)
    for fall in falls:
        of_its_day = [each for each in looked if each >= fall and business_date(each) == business_date(fall)]
        assert of_its_day or fall <= START or business_date(fall) >= business_date(until)


@given(st.lists(times_of_a_day, min_size=1, max_size=30))
def test_a_day_is_visited_at_its_midnight_and_its_last_minute_however_much_falls_on_it(times: list[timedelta]):
    day = datetime(2026, 12, 1, tzinfo=SHANGHAI)
    assert len(visits([day + each for each in times], START, START + 60 * DAY)) <= 2


@pytest.mark.wire
async def test_what_time_brought_is_told_the_latest_first_and_not_what_a_reset_undid(sandbox: Sandbox):
    joined, neighbour = await join(sandbox), await join(sandbox)
    start = sandbox.clock.now().replace(microsecond=0)
    (certificate,) = await give_certificates(sandbox, joined, [start + 2 * DAY])
    await advance(sandbox, joined, 5 * DAY)
    told = await sandbox.happenings.of_tenant(joined.tenant.id, 10)
    opened = (HappeningKind.APPLICATION_EFFECTED, None)
    reminded = [(HappeningKind.REMINDED, 0), (HappeningKind.REMINDED, 1)]
    assert [(each.kind, each.days_left) for each in told] == [(HappeningKind.EXPIRED, None), *reminded, opened]
    assert {each.subject for each in told[:-1]} == {certificate}
    assert all(each.serial_number for each in told[:-1])
    assert [each.id for each in await sandbox.happenings.of_tenant(joined.tenant.id, 1)] == [told[0].id]
    theirs = await sandbox.happenings.of_tenant(neighbour.tenant.id, 10)
    assert [(each.kind, each.days_left) for each in theirs] == [opened], "no more than its joining brought"
    await sandbox.moves.put(joined.tenant.id, 2, timedelta(0))
    left = await sandbox.happenings.of_tenant(joined.tenant.id, 10)
    assert [(each.kind, each.days_left) for each in left] == [(HappeningKind.REMINDED, 1), opened]


@pytest.mark.wire
async def test_a_revision_in_force_by_a_tenants_time_is_accepted_by_its_use_and_by_nobody_elses(sandbox: Sandbox):
    mine, neighbour = await join(sandbox), await join(sandbox)
    services, day = sandbox.services, business_date(sandbox.clock.now()) + 10 * DAY
    text = former_edition(read_digest().chinese_data)
    await services.agreements.import_draft(SYSTEM, text, number=3, effective_from=day, is_digest=True)
    await services.publications.publish(SYSTEM, 3)
    await services.publications.deliver()

    async def accepted_after_a_use(joined: Joined) -> tuple[int, AcceptanceManner]:
        operator = joined.operators[0].operator
        caller = Caller(CallerKind.OPERATOR, operator.id, operator.participant_id, operator.role)
        caller = replace(caller, permissions=frozenset(operator.permissions))
        await services.sms.subscribe(caller, operator.id, SmsTopic.NOTICE, None)
        await services.sms.unsubscribe(caller, operator.id, SmsTopic.NOTICE)
        found = await services.participants.find(SYSTEM, joined.tenant.id)
        assert found is not None
        assert found.acceptance is not None
        return found.acceptance.agreement_number, found.acceptance.manner

    before = await accepted_after_a_use(mine)
    assert before[0] == 2, "delivered, but not in force"
    await advance(sandbox, mine, 20 * DAY)
    assert await accepted_after_a_use(mine) == (3, AcceptanceManner.DEEMED_BY_USE)
    assert await accepted_after_a_use(neighbour) == before
