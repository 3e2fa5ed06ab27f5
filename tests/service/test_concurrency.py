"""Twenty at once: of rivals with the same version one wins, and one key acts once however often it is sent."""

import asyncio

import pytest

from service.access import OperatorRole, Permission
from service.acts import Done
from service.operator_service import OperatorInput
from service.operators import Operator
from service.pagination import BY_ID, PageRequest
from service.records import RecordFilter
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from tests.service.institutions import OFFICER, Institutions, caller_for

pytestmark = pytest.mark.wire

WRITERS = 20
ROUNDS = 3
SETS = ((Permission.RECORD_READ,), (Permission.OPERATOR_READ,))


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


async def test_of_twenty_writers_who_read_one_version_one_wins_each_round(platform: Institutions) -> None:
    _, administrator = await platform.open()
    operator = await platform.register(administrator, "000007")
    for number in range(ROUNDS):
        change = platform.permissions.change
        caller, wanted = caller_for(administrator), SETS[number % 2]
        results = await asyncio.gather(
            *(change(caller, operator.id, wanted, expected_version=operator.version) for _ in range(WRITERS)),
            return_exceptions=True,
        )
        won = [each for each in results if isinstance(each, Done)]
        lost = [each.refusals[0].code for each in results if isinstance(each, Refused)]
        assert (len(won), lost) == (1, [RefusalCode.VERSION_CONFLICT] * (WRITERS - 1)), results
        assert won[0].subject.version == operator.version + 1
        operator = won[0].subject
    stored = await platform.operator_store.find(operator.id)
    assert stored == operator
    changes = [each for each in await platform.records_of(operator.id) if each.kind == "operator.permissions.changed"]
    assert len(changes) == ROUNDS


async def test_the_same_key_sent_twenty_times_at_once_acts_once_and_answers_the_same(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    given = OperatorInput("000007", "王五", OperatorRole.OPERATOR, (Permission.RECORD_READ,), None)
    register, caller = platform.operators.register, caller_for(administrator)
    answers: list[Done[Operator]] = await asyncio.gather(
        *(register(caller, participant.id, given, key="once") for _ in range(WRITERS))
    )
    assert len({each.subject.id for each in answers}) == 1
    assert {each.record.id for each in answers if each.record} == {answers[0].record and answers[0].record.id}
    assert all(each == answers[0] for each in answers)
    wanted = RecordFilter(kind="operator.registered", subject=answers[0].subject.id)
    assert len((await platform.records.page(OFFICER, wanted, PageRequest(BY_ID, 10))).items) == 1
