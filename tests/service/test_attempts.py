"""Attempts that come to nothing, over the wire: few records, no attempt lost, nobody named who has proven nothing."""

import json
from collections.abc import Awaitable
from typing import Any

import pytest

from service.access import ANONYMOUS
from service.assertions import AssertionRefused, Reason
from service.attempts import EACH
from service.errors import Unavailable
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


async def test_counts_that_the_database_would_not_take_are_kept_for_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = desk.records.attempts
    for _ in range(EACH + 5):
        await attempts.note(ANONYMOUS, "login.refused", "MALFORMED", {}, source="192.0.2.1")

    async def fail(work: Any) -> None:
        raise Unavailable("The database does not answer.")

    with monkeypatch.context() as away:
        away.setattr(attempts._database, "transaction", fail)
        with pytest.raises(Unavailable):
            await attempts.settle(everything=True)
    await attempts.settle()
    assert (await refusals_of(desk))[-1]["count"] == 5
