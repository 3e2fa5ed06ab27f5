"""Acts, over the wire: once for each key, one winner for each version, nothing half done, every refusal recorded."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from service.access import OperatorRole, Permission
from service.attempts import EACH
from service.errors import Forbidden, Unauthenticated
from service.operator_service import OperatorInput
from service.operators import OffboardReason
from service.pagination import BY_ID, PageRequest
from service.records import RecordFilter
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from tests.service.institutions import TELEPHONE, Institutions, caller_for, sole

pytestmark = pytest.mark.wire


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


async def test_who_was_ended_since_the_token_was_looked_at_acts_no_more(platform: Institutions) -> None:
    _, administrator = await platform.open()
    second = await platform.second_administrator(administrator)
    certificate = await platform.certify(second)
    remembered = replace(caller_for(second), certificate=certificate.fingerprint)
    acted = await platform.register_as(remembered, administrator, "000007")
    assert acted.subject.operator_number == "000007"
    first = caller_for(administrator)
    kept = [each for each in second.permissions if each is not Permission.OPERATOR_MANAGE]
    await platform.permissions.change(first, second.id, kept)
    with pytest.raises(Forbidden):
        await platform.register_as(remembered, administrator, "000008")
    await platform.operators.freeze(first, second.id)
    with pytest.raises(Unauthenticated):
        await platform.register_as(remembered, administrator, "000008")
    await platform.operators.offboard(first, second.id, OffboardReason.LEFT)
    with pytest.raises(Unauthenticated):
        await platform.register_as(remembered, administrator, "000008")
    assert await platform.operator_store.find_by_number(administrator.participant_id, "000008") is None


async def test_an_attempt_beyond_what_is_permitted_is_refused_and_recorded(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    with pytest.raises(Forbidden):
        await platform.operators.freeze(caller_for(clerk), administrator.id)
    (record,) = [each for each in await platform.records_of(clerk.id) if each.kind == "access.refused"]
    assert record.actor.id == clerk.id
    assert "FREEZE_OPERATOR" in record.content


async def test_of_concurrent_writers_with_an_expected_version_one_wins_each_round(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    for version in (1, 2):
        names = [Permission.OPERATOR_READ, Permission.RECORD_READ]
        answers = await asyncio.gather(
            *(
                platform.permissions.change(
                    caller_for(administrator), clerk.id, [names[place % 2]], expected_version=version
                )
                for place in range(20)
            ),
            return_exceptions=True,
        )
        refused = [each for each in answers if isinstance(each, Refused)]
        assert len(refused) == 19
        assert {each.refusals[0].code for each in refused} == {RefusalCode.VERSION_CONFLICT}
    stored = await platform.operator_store.find(clerk.id)
    assert stored is not None
    assert stored.version == 3


async def test_the_same_key_sent_twenty_times_acts_once_and_answers_the_same(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    given = OperatorInput("000002", "王五", OperatorRole.OPERATOR, (), TELEPHONE)
    me = caller_for(administrator)
    answers = await asyncio.gather(
        *(platform.operators.register(me, participant.id, given, key="once") for _ in range(20))
    )
    assert len({(done.subject.id, done.record.id if done.record else None) for done in answers}) == 1
    assert all(done == answers[0] for done in answers)
    await platform.operators.freeze(me, answers[0].subject.id)
    assert await platform.operators.register(me, participant.id, given, key="once") == answers[0]


async def test_the_same_key_with_another_input_is_refused_until_its_day_is_over(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    me = caller_for(administrator)
    given = OperatorInput("000002", "王五", OperatorRole.OPERATOR)
    other = replace(given, operator_number="000003")
    await platform.operators.register(me, participant.id, given, key="key")
    with pytest.raises(Refused) as caught:
        await platform.operators.register(me, participant.id, other, key="key")
    assert sole(caught) is RefusalCode.IDEMPOTENCY_KEY_REUSED
    platform.clock.time += timedelta(hours=25)
    assert (await platform.operators.register(me, participant.id, other, key="key")).subject.operator_number == "000003"


async def test_a_refused_act_leaves_nothing_behind_and_its_key_free(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    me = caller_for(administrator)
    given = OperatorInput("000001", "王五", OperatorRole.OPERATOR)
    with pytest.raises(Refused):
        await platform.operators.register(me, participant.id, given, key="key")
    done = await platform.operators.register(me, participant.id, replace(given, operator_number="000002"), key="key")
    assert done.subject.operator_number == "000002"


async def test_an_attempt_to_read_the_records_without_permission_is_on_record(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    for ask in (
        platform.records.page(caller_for(clerk), RecordFilter(), PageRequest(BY_ID, 10)),
        platform.records.count(caller_for(clerk), RecordFilter()),
    ):
        with pytest.raises(Forbidden):
            await ask
    refused = [each for each in await platform.records_of(clerk.id) if each.kind == "access.refused"]
    assert [each.actor.id for each in refused] == [clerk.id, clerk.id]
    assert all("READ_RECORD" in each.content for each in refused)


async def test_a_caller_who_tries_for_ever_makes_few_records_and_one_count(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    for _ in range(EACH + 7):
        with pytest.raises(Forbidden):
            await platform.operators.freeze(caller_for(clerk), administrator.id)
    await platform.records.attempts.settle(everything=True)
    refused = [each for each in await platform.records_of(clerk.id) if each.kind == "access.refused"]
    assert len(refused) == EACH + 1
    assert json.loads(refused[-1].content)["content"]["of"] == {"FREEZE_OPERATOR": 7}
