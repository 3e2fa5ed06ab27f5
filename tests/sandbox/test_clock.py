"""Test clocks: forward only, one tenant's alone, known to every process, and bringing what time brings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.bootstrap import Sandbox
from sandbox.clock import FURTHEST, ClockSetting, TenantClock
from sandbox.settings import SandboxSettings
from sandbox.storage.snapshots import tenant_collections
from sandbox.tenants.durations import parse_duration
from sandbox.tenants.jobs import STALE, JobKind, JobState, TenantJob
from sandbox.tenants.joining import Joined
from sandbox.tenants.openings import ensure_staff
from service.access import SYSTEM
from service.applications import ApplicationCommand, ApplicationStatus, Material, MaterialKind
from service.clock import business_date
from service.errors import BadInput
from service.information_changes import ChangeInput
from service.participants import ContactKind
from service.registration import ContactInput, InformationInput
from tests.sandbox.opening import join, opened_sandbox, prepared_settings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def settings(wire_uri: str, tmp_path: Path) -> AsyncIterator[SandboxSettings]:
    async with prepared_settings(wire_uri, tmp_path) as prepared:
        yield prepared


@pytest.fixture
async def sandbox(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    async with opened_sandbox(settings) as opened:
        yield opened


async def ended(sandbox: Sandbox, job: TenantJob, seconds: float = 60) -> TenantJob:
    async with asyncio.timeout(seconds):
        while not job.ended:
            await asyncio.sleep(0.05)
            found = await sandbox.kept_jobs.find(job.id)
            assert found is not None
            job = found
    return job


async def advance(sandbox: Sandbox, joined: Joined, by: timedelta) -> TenantJob:
    return await ended(sandbox, await sandbox.moves.advance(sandbox.jobs, joined.tenant, by))


async def all_objects(sandbox: Sandbox, tenant_id: str) -> dict[str, object]:
    """Everything that the database holds of a tenant, its clock included."""
    store = sandbox.snapshots._store
    operators = await store.operator_ids(tenant_id)
    found: dict[str, object] = {
        each.name: await store.objects_of(each, tenant_id, operators) for each in tenant_collections()
    }
    return found | {"tenant": await sandbox.tenants.find(tenant_id), "ahead": sandbox.clock.ahead(tenant_id)}


async def change_due_in(sandbox: Sandbox, joined: Joined, days: int) -> str:
    """An approved application of the tenant to move, due in so many days; its id."""
    staff = await ensure_staff(sandbox.services)
    given = ChangeInput(
        applicant_uscc=joined.uscc,
        information=replace(
            InformationInput(
                kind=(await participant(sandbox, joined)).kind,
                legal_name=joined.tenant.legal_name,
                uscc=joined.uscc,
                clearing_numbers=("LATER1",),
                contacts=(ContactInput(ContactKind.BUSINESS, "新联系人", "+8613800138000"),),
            )
        ),
        materials=tuple(Material(kind, kind.value, f"{n:064x}") for n, kind in enumerate(MaterialKind)),
        truth_declared=True,
        effective_from=business_date(sandbox.clock.now()) + timedelta(days=days),
    )
    applications = sandbox.services.applications
    asked = await applications.change_information(staff.counter, joined.tenant.id, given)
    done = await applications.review(staff.desk, asked.subject.id, ApplicationCommand.APPROVE)
    assert done.subject.status is ApplicationStatus.APPROVED
    return done.subject.id


async def participant(sandbox: Sandbox, joined: Joined):
    found = await sandbox.services.participants.find(SYSTEM, joined.tenant.id)
    assert found is not None
    return found


@pytest.mark.wire
async def test_a_tenants_time_moves_its_neighbours_does_not_and_what_is_due_happens(sandbox: Sandbox):
    mine, neighbours = await join(sandbox), await join(sandbox)
    due, theirs = await change_due_in(sandbox, mine, 10), await change_due_in(sandbox, neighbours, 10)
    before = await all_objects(sandbox, neighbours.tenant.id)
    job = await advance(sandbox, mine, 30 * DAY)
    assert (job.state, job.percent, job.events, job.problem) == (JobState.DONE, 100, 1, None)
    assert sandbox.clock.now(mine.tenant.id) - sandbox.clock.now() >= 30 * DAY - timedelta(seconds=1)
    changed = await sandbox.services.applications.find(SYSTEM, due)
    assert changed is not None
    assert changed.effected_at is not None
    assert changed.status is ApplicationStatus.EFFECTED
    assert business_date(changed.effected_at) == changed.effective_from, "on its very day, not at the end of the move"
    assert (await participant(sandbox, mine)).clearing_numbers == ("LATER1",)
    assert await all_objects(sandbox, neighbours.tenant.id) == before
    waiting = await sandbox.services.applications.find(SYSTEM, theirs)
    assert waiting is not None
    assert waiting.status is ApplicationStatus.APPROVED


@pytest.mark.wire
async def test_time_goes_forward_only_and_not_beyond_ten_years(sandbox: Sandbox):
    joined = await join(sandbox)
    await advance(sandbox, joined, DAY)
    for to in (sandbox.clock.now(), NOW, sandbox.clock.now(joined.tenant.id) - timedelta(seconds=1)):
        with pytest.raises(BadInput, match="forward only"):
            await sandbox.moves.set(sandbox.jobs, joined.tenant, to)
    with pytest.raises(BadInput, match="at most"):
        await sandbox.moves.advance(sandbox.jobs, joined.tenant, FURTHEST)
    to = sandbox.clock.now(joined.tenant.id) + DAY
    await ended(sandbox, await sandbox.moves.set(sandbox.jobs, joined.tenant, to))
    assert timedelta(0) <= sandbox.clock.now(joined.tenant.id) - to < timedelta(seconds=5)


@pytest.mark.wire
async def test_another_process_knows_the_time_once_the_job_is_done(sandbox: Sandbox, settings: SandboxSettings):
    joined = await join(sandbox)
    async with opened_sandbox(settings) as other:
        await advance(sandbox, joined, 3 * DAY)
        await asyncio.sleep(0.5)
        assert other.clock.ahead(joined.tenant.id) == 3 * DAY
    async with opened_sandbox(settings) as later:
        assert later.clock.ahead(joined.tenant.id) == 3 * DAY


@pytest.mark.wire
async def test_one_job_at_a_time_and_one_whose_process_died_is_finished_by_another(sandbox: Sandbox):
    joined = await join(sandbox)
    silent = sandbox.clock.now() - 2 * STALE
    dead = TenantJob(
        id="01K9ZZZZZZZZZZZZZZZZZZZZZZ",
        version=1,
        tenant_id=joined.tenant.id,
        kind=JobKind.MOVE_CLOCK,
        state=JobState.RUNNING,
        ahead_ms=5 * 86_400_000,
        started_at=silent,
        beat_at=silent,
    )
    await sandbox.kept_jobs.begin(dead)
    with pytest.raises(BadInput, match="under way"):
        await sandbox.moves.advance(sandbox.jobs, joined.tenant, DAY)
    await sandbox.jobs.take_over()
    assert (await ended(sandbox, dead)).state is JobState.DONE
    assert sandbox.clock.ahead(joined.tenant.id) == 5 * DAY


settings_of_a_clock = st.builds(
    lambda epoch, ahead: ClockSetting(id="t", epoch=epoch, ahead_ms=ahead, moved_at=NOW),
    st.integers(1, 3),
    st.integers(0, 10**11),
)


@given(st.lists(settings_of_a_clock, max_size=20))
def test_within_an_epoch_no_time_goes_back_whatever_a_clock_is_told(told: list[ClockSetting]):
    clock = TenantClock()
    latest: tuple[int, datetime] = (0, NOW)
    for setting in told:
        clock.learn([setting])
        epoch = max(latest[0], setting.epoch)
        at = clock.now("t")
        if epoch == latest[0]:
            assert at >= latest[1]
        latest = (epoch, at)
        assert abs(clock.now("another") - datetime.now(UTC)) < timedelta(seconds=5)


@given(st.text(max_size=40))
def test_whatever_is_no_duration_is_bad_input(text: str):
    with suppress(BadInput):
        assert parse_duration(text) > timedelta(0)


@pytest.mark.parametrize(
    ("text", "span"),
    [("30d", 30 * DAY), ("1d12h", 1.5 * DAY), ("P1DT12H", 1.5 * DAY), ("90m", DAY / 16), ("45s", DAY / 1920)],
)
def test_durations_are_read_as_people_write_them(text: str, span: timedelta):
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "0d", "P", "-1d", "1w", "1y", "d", "1.5d", "１d", "9" * 40 + "s", "1h1d"])
def test_durations_that_are_none(text: str):
    with pytest.raises(BadInput):
        parse_duration(text)
