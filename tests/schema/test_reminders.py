"""Reminders over GraphQL: what was said of an end to come, and that it was seen (art. 14)."""

from collections.abc import AsyncIterator

import pytest

from tests.schema.counters import Counter, open_counter

pytestmark = pytest.mark.wire

SAID = "query ($id: ID!) { certificate(id: $id) { reminders { id days audience acknowledgedBy notAfter } } }"


@pytest.fixture
async def counter(wire_uri: str) -> AsyncIterator[Counter]:
    async with open_counter(wire_uri) as counter:
        yield counter


async def test_reminders_are_read_with_their_certificate_and_acknowledged_once(counter: Counter) -> None:
    certificate = await counter.desk.issue(counter.administrator)
    for days in (310, 45, 15):  # 55 left, 10 left, expired
        counter.desk.pass_days(days)
        await counter.desk.reminders.remind_due()
    said = (await counter.data(SAID, "admin", id=certificate.id))["certificate"]["reminders"]
    assert [each["days"] for each in said] == [60, 14, None]
    assert [len(each["audience"]) for each in said] == [1, 2, 3]
    seen = {"reminderId": said[0]["id"]}
    facts = "reminder { days acknowledgedAt acknowledgedBy certificate { id } }"
    done = await counter.act("acknowledgeReminder", "admin", facts, **seen)
    assert done["reminder"]["acknowledgedBy"] == counter.administrator.id
    assert done["reminder"]["certificate"] == {"id": certificate.id}
    assert done["receipt"]["kind"] == "certificate.reminder.acknowledged"
    again = await counter.act("acknowledgeReminder", "officer", facts, **seen)
    assert (again["reminder"], again["receipt"]) == (done["reminder"], None)
    assert await counter.refused("acknowledgeReminder", "stranger", **seen) == "REMINDER_NOT_FOUND"
    assert (await counter.data(SAID, "stranger", id=certificate.id))["certificate"] is None
