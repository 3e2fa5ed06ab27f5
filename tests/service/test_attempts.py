"""Attempts that come to nothing, over the wire: few records, no attempt lost, nobody named who has proven nothing."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError

from service import background
from service.access import Caller, CallerKind, OperatorRole
from service.assertions import AssertionRefused, Reason
from service.attempts import EACH, SECONDS, Attempts
from service.storage.database import Database
from tests.service.logins import P256, Desk
from tests.service.records import PARTICIPANT, REGISTRAR, list_records

pytestmark = pytest.mark.wire


@pytest.fixture
def desk(wire_database: Database) -> Desk:
    return Desk(wire_database)


async def refusals_of(desk: Desk) -> list[dict[str, Any]]:
    found = await list_records(desk.records, REGISTRAR)
    return [json.loads(each.content)["content"] for each in found if each.kind == "login.refused"]


async def reason_of(login: Awaitable[object]) -> Reason:
    with pytest.raises(AssertionRefused) as caught:
        await login
    return caught.value.reason


async def test_ten_thousand_bad_assertions_make_few_records_and_none_is_lost(desk: Desk) -> None:
    forged = P256.sign()[:-8] + "AAAAAAAA"
    for number in range(10_000):
        reason = await reason_of(desk.tokens.login(forged if number % 2 else "nonsense", "192.0.2.1"))
        assert reason in {Reason.SIGNATURE, Reason.MALFORMED}
    await desk.records.attempts.settle(everything=True)
    contents = await refusals_of(desk)
    assert len(contents) == EACH + 1
    assert sum(each.get("count", 1) for each in contents) == 10_000
    assert contents[-1]["of"] == {"SIGNATURE": 5_000 - EACH // 2, "MALFORMED": 5_000 - EACH // 2}
    assert "192.0.2.1" not in json.dumps(contents)


async def test_a_flood_from_one_address_hides_no_attempt_from_another(desk: Desk) -> None:
    for _ in range(EACH * 3):
        await reason_of(desk.tokens.login("nonsense", "192.0.2.1"))
    await reason_of(desk.tokens.login("nonsense", "192.0.2.2"))
    contents = await refusals_of(desk)
    assert len(contents) == EACH + 1
    assert len({each["source"] for each in contents}) == 2


async def test_who_has_not_proven_its_key_names_nobody_in_the_records(desk: Desk) -> None:
    await reason_of(desk.tokens.login(P256.sign()[:-8] + "AAAAAAAA", "192.0.2.1"))
    await reason_of(desk.tokens.login(P256.sign(P256.claims(aud="https://elsewhere.example"))))
    found = await list_records(desk.records, REGISTRAR)
    assert [(each.actor.id, each.subject, each.participant_id) for each in found] == [
        (None, None, None),
        (None, P256.id, PARTICIPANT),
    ]


def caller(number: int) -> Caller:
    return Caller(CallerKind.OPERATOR, f"live-op-{number}", PARTICIPANT, OperatorRole.OPERATOR)


async def refuse_for_all(attempts: Attempts, callers: int, times: int = EACH + 5) -> None:
    for number in range(callers):
        for _ in range(times):
            await attempts.note(caller(number), "access.refused", "X", {}, source=f"live-op-{number}")


@pytest.mark.parametrize("error", [AutoReconnect("primary stepped down"), ServerSelectionTimeoutError("no primary")])
async def test_counts_that_the_database_would_not_take_are_kept_and_recorded_when_it_is_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    now, attempts = [0.0], desk.records.attempts
    monkeypatch.setattr(attempts, "_monotonic", lambda: now[0])
    await refuse_for_all(attempts, 3)
    refused = asyncio.Event()

    async def fail(work: Any) -> None:
        refused.set()
        raise error

    now[0] += SECONDS
    running = asyncio.create_task(attempts.run(every=0.01))
    async with asyncio.timeout(30):
        with monkeypatch.context() as away:
            away.setattr(attempts._database, "transaction", fail)
            await refused.wait()
        while len(await counted(desk)) < 3:  # noqa: ASYNC110 - a record has no event
            await asyncio.sleep(0.02)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await counted(desk) == {f"live-op-{number}": 5 for number in range(3)}


async def counted(desk: Desk) -> dict[str | None, int]:
    """The counts on record, by the caller that they are of."""
    found = [
        (each.subject, json.loads(each.content)["content"]) for each in await list_records(desk.records, REGISTRAR)
    ]
    return {subject: content["count"] for subject, content in found if "count" in content}


async def test_callers_beyond_the_bound_are_counted_together_and_none_is_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.attempts.MOST_SOURCES", 2)
    monkeypatch.setattr("service.attempts.TOGETHER", 0)
    await refuse_for_all(desk.records.attempts, 5, times=3)
    await desk.records.attempts.settle(everything=True)
    assert await counted(desk) == {"live-op-0": 3, "live-op-1": 3, None: 9}
