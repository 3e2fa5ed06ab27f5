"""Reminders: every certificate once at every tier, whoever dies on the way; none once a successor is in use."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.access import Permission
from service.certificates import CertificateState
from service.operators import SmsTopic
from service.outbox import MessageStatus, message_place
from service.personal_data import Datum
from service.refusals import RefusalCode, Refused
from service.reminders import AFTER, Audience, Reminder, audience_of, message_text, tier_of
from service.storage.database import Database, open_database
from service.storage.reminders import ReminderStore
from tests.databases import NEIGHBOUR, open_wire_database
from tests.explain import recorded_queries
from tests.service.certifying import Certifying, make_csr, make_key
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, TELEPHONE, caller_for
from tests.service.test_certificate_rules import ISSUED

TIERS = (90, 60, 30, 14, 7, 3, 1, 0)
ROOT = Path(__file__).parents[2]


# the rule


@pytest.mark.parametrize(
    ("left", "tier"),
    [
        (91, None),
        (90.5, 90),
        (90, 90),
        (61, 90),
        (60, 60),
        (13.9, 14),
        (3.5, 3),
        (1.5, 1),
        (0.9, 0),
        (0, 0),
        (-1, AFTER),
    ],
)
def test_the_tier_is_the_most_urgent_that_was_reached(left: float, tier: int | None) -> None:
    now = ISSUED.not_after - timedelta(days=left)
    assert tier_of(ISSUED, now, TIERS) == tier


def test_what_has_ended_is_not_reminded_of() -> None:
    now = ISSUED.not_after - timedelta(days=1)
    for state in CertificateState:
        reminded = tier_of(replace(ISSUED, state=state), now, TIERS) is not None
        assert reminded is (state in {CertificateState.ISSUED, CertificateState.HELD})


def test_the_nearer_the_end_the_more_are_told() -> None:
    found = {tier: audience_of(ISSUED, tier) for tier in (*TIERS, AFTER)}
    assert found[90] == found[30] == (Audience.OPERATOR,)
    assert found[14] == found[7] == (Audience.OPERATOR, Audience.ADMINISTRATOR)
    assert found[3] == found[0] == found[AFTER] == tuple(Audience)
    ours = replace(ISSUED, operator_id=None, participant_id=None, registrar_id="live-reg-1")
    assert audience_of(ours, 90) == (Audience.REGISTRAR,)


def test_a_message_says_which_world_it_comes_from_and_names_no_person() -> None:
    text = message_text(ISSUED, 7, NEIGHBOUR.notice)
    assert NEIGHBOUR.notice is not None
    assert NEIGHBOUR.notice in text
    assert (ISSUED.serial_number or "")[-8:] in text
    assert "BRK" not in text


# 400 days


async def all_reminders(database: Database) -> list[Reminder]:
    store = ReminderStore(database)
    return await store.list_by({}, 10_000)


@pytest.mark.wire
async def test_over_400_days_three_at_once_remind_of_each_tier_once(wire_uri: str, wire_database: Database) -> None:
    desk = Certifying(wire_database)
    desk.clock.time = datetime(2026, 11, 22, 8, tzinfo=UTC)
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    kept = await desk.issue(administrator)
    renewed = await desk.issue(stranger)
    registrar, ours = await desk.certified_registrar()
    start = desk.clock.time
    async with AsyncExitStack() as stack:
        rivals = []
        for _ in range(3):
            opened = await stack.enter_async_context(open_database(wire_uri, wire_database.world, wire_database.names))
            rivals.append(Certifying(opened))
        for day in range(400):
            now = start + timedelta(days=day, hours=1)
            if day == 310:
                desk.clock.time = now
                caller = replace(caller_for(stranger), certificate=renewed.fingerprint)
                new = (await desk.requests.renew(caller, renewed.id, make_csr(make_key()))).subject
                await desk.log_in(new)
            for rival in rivals:
                rival.clock.time = now
            tasks = [asyncio.create_task(rival.reminders.remind_due()) for rival in rivals]
            if day % 3 == 0:  # one of them dies on its way
                await asyncio.sleep(0.001 * (day % 7))
                tasks[day % len(tasks)].cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(each, int | asyncio.CancelledError) for each in done), done
    found = Counter((each.certificate_id, each.tier) for each in await all_reminders(wire_database))
    whole = (*TIERS, AFTER)
    expected = {(each.id, tier) for each in (kept, ours) for tier in whole} | {(renewed.id, 90), (renewed.id, 60)}
    assert found == dict.fromkeys(expected, 1)
    records = await desk.records_of_kind("certificate.reminded")
    assert len(records) == len(expected), "each is a record"
    assert registrar.id == ours.registrar_id


@pytest.mark.wire
@pytest.mark.process
async def test_of_three_processes_one_is_killed_and_nothing_is_lost_or_told_twice(doomed_uri: str) -> None:
    async with open_wire_database(doomed_uri) as database:
        await ensure_all_told_once_when_one_is_killed(doomed_uri, database)


async def ensure_all_told_once_when_one_is_killed(uri: str, database: Database) -> None:
    desk = Certifying(database)
    _, administrator = await desk.open()
    permissions = [Permission.CERTIFICATE_REQUEST]
    clerks = [await desk.register(administrator, f"{n:06}", permissions=permissions) for n in range(10, 30)]
    certificates = [await desk.issue(each) for each in clerks]
    moment = (desk.clock.time + timedelta(days=363.5)).isoformat()
    arguments = [uri, database.names.database, moment]
    processes = [
        subprocess.Popen(  # noqa: ASYNC220 - nothing else runs in this loop
            [sys.executable, "-m", "tests.service.reminding", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    try:
        for each in processes:
            assert each.stdout is not None
            await asyncio.to_thread(each.stdout.readline)
        await asyncio.sleep(0.05)
        os.kill(processes[0].pid, signal.SIGKILL)
        async with asyncio.timeout(150):
            while len(await all_reminders(database)) < len(certificates):  # noqa: ASYNC110 - other processes' work
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
    finally:
        for each in processes:
            each.kill()
            each.communicate()
    found = Counter((each.certificate_id, each.tier) for each in await all_reminders(database))
    assert found == {(each.id, 1): 1 for each in certificates}
    assert len(await desk.records_of_kind("certificate.reminded")) == len(certificates)


# who hears of it


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


async def subscribe(desk: Certifying, operator_id: str) -> None:
    operator = await desk.operator_store.find(operator_id)
    assert operator is not None
    caller = replace(caller_for(operator), permissions=frozenset({Permission.SMS_SUBSCRIBE}))
    await desk.sms.subscribe(caller, operator_id, SmsTopic.CERTIFICATE_EXPIRY, TELEPHONE)


@pytest.mark.wire
async def test_an_sms_waits_for_each_subscriber_in_the_same_transaction_with_the_number_sealed(
    desk: Certifying,
) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002", permissions=[Permission.CERTIFICATE_REQUEST])
    await desk.issue(clerk)
    await subscribe(desk, clerk.id)
    await subscribe(desk, administrator.id)
    desk.pass_days(340)
    await desk.reminders.remind_due()
    (to_clerk,) = await desk.outbox_store.of_operator(clerk.id)
    assert await desk.outbox_store.of_operator(administrator.id) == []
    assert to_clerk.status is MessageStatus.PENDING
    assert TELEPHONE not in repr(to_clerk)
    assert desk.personal_data.open(to_clerk.telephone, message_place(to_clerk.id)) == TELEPHONE
    assert to_clerk.telephone.blind_index == desk.personal_data.blind_index(TELEPHONE, Datum.TELEPHONE)
    desk.pass_days(20)
    await desk.reminders.remind_due()
    assert len(await desk.outbox_store.of_operator(clerk.id)) == 2
    assert len(await desk.outbox_store.of_operator(administrator.id)) == 1, "it has come to fourteen days"


@pytest.mark.wire
async def test_who_has_not_subscribed_gets_no_sms(desk: Certifying) -> None:
    _, administrator = await desk.open()
    await desk.issue(administrator)
    desk.pass_days(364)
    assert await desk.reminders.remind_due() == 1
    assert await desk.outbox_store.of_operator(administrator.id) == []


@pytest.mark.wire
async def test_a_reminder_is_acknowledged_once_by_who_may_see_it(desk: Certifying) -> None:
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    certificate = await desk.issue(administrator)
    desk.pass_days(364)
    await desk.reminders.remind_due()
    caller = caller_for(administrator)
    ((reminder,),) = await desk.reminders.of_certificates(caller, [certificate.id])
    with pytest.raises(Refused) as caught:
        await desk.reminders.acknowledge(caller_for(stranger), reminder.id)
    assert caught.value.refusals[0].code is RefusalCode.REMINDER_NOT_FOUND
    assert await desk.reminders.of_certificates(caller_for(stranger), [certificate.id]) == [[]]
    done = await desk.reminders.acknowledge(caller, reminder.id)
    assert done.subject.acknowledged_by == administrator.id
    again = await desk.reminders.acknowledge(REVIEWER, reminder.id)
    assert (again.subject.acknowledged_by, again.record) == (administrator.id, None)
    assert await desk.reminders.get_many(OFFICER, [reminder.id]) == [done.subject]


@pytest.mark.wire
async def test_an_index_serves_what_is_looked_for(desk: Certifying, wire_uri: str) -> None:
    async with recorded_queries(wire_uri, desk.database) as queries:
        store = ReminderStore(queries.database)
        await store.of_certificates(["live-crt-1"])
        await store.find_by({"certificateId": "live-crt-1", "tier": 7})
        await queries.assert_indexed(sorted_in_memory=True)
