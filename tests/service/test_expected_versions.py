"""Every act that changes a participant, an operator or a task refuses a caller who read another version of it."""

from collections.abc import Awaitable, Callable
from datetime import date

import pytest

from service.access import QualificationType
from service.operators import Operator, SmsTopic
from service.pagination import BY_ID, PageRequest
from service.participants import Participant
from service.qualifications import QualificationInput, QualificationStatus
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from service.storage.participants import ParticipantStore
from service.task_service import TaskFilter
from service.tasks import TaskStatus
from tests.service.institutions import CLOSURE, OFFICER, Institutions, caller_for, make_change

pytestmark = pytest.mark.wire

LOST = QualificationInput(
    QualificationType.SETTLEMENT, QualificationStatus.TERMINATED, date(2026, 11, 1), None, "letter 2"
)
Asked = Callable[[Institutions, Participant, Operator, int], Awaitable[object]]


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


def change_information(on: Institutions, participant: Participant, who: Operator, version: int) -> Awaitable[object]:
    return on.applications.change_information(caller_for(who), participant.id, make_change(), expected_version=version)


def apply_for_closure(on: Institutions, participant: Participant, who: Operator, version: int) -> Awaitable[object]:
    return on.applications.apply_for_closure(caller_for(who), participant.id, CLOSURE, expected_version=version)


def record_qualification(on: Institutions, participant: Participant, _: Operator, version: int) -> Awaitable[object]:
    return on.participants.record_qualification(OFFICER, participant.id, LOST, expected_version=version)


async def refused_at(asked: Awaitable[object]) -> tuple[RefusalCode, tuple[str, ...]]:
    with pytest.raises(Refused) as caught:
        await asked
    (refusal,) = caught.value.refusals
    return refusal.code, refusal.field


@pytest.mark.parametrize("asked", [change_information, apply_for_closure, record_qualification])
async def test_an_act_on_a_participant_that_has_changed_is_refused(platform: Institutions, asked: Asked) -> None:
    participant, administrator = await platform.open()
    stale = participant.version - 1
    assert await refused_at(asked(platform, participant, administrator, stale)) == (
        RefusalCode.VERSION_CONFLICT,
        ("expectedVersion",),
    )
    assert await ParticipantStore(platform.database).find(participant.id) == participant
    await asked(platform, participant, administrator, participant.version)


async def test_an_sms_act_on_an_operator_who_has_changed_is_refused(platform: Institutions) -> None:
    _, administrator = await platform.open()
    me, sms = caller_for(administrator), platform.sms
    stale, now = administrator.version + 1, administrator.version
    conflict = (RefusalCode.VERSION_CONFLICT, ("expectedVersion",))
    subscribe = sms.subscribe(me, administrator.id, SmsTopic.NOTICE, None, expected_version=stale)
    assert await refused_at(subscribe) == conflict
    done = await sms.subscribe(me, administrator.id, SmsTopic.NOTICE, None, expected_version=now)
    unsubscribe = sms.unsubscribe(me, administrator.id, SmsTopic.NOTICE, expected_version=now)
    assert await refused_at(unsubscribe) == conflict
    await sms.unsubscribe(me, administrator.id, SmsTopic.NOTICE, expected_version=done.subject.version)


async def test_a_task_that_has_changed_is_not_closed(platform: Institutions) -> None:
    participant, _ = await platform.open()
    await platform.participants.record_qualification(OFFICER, participant.id, LOST)
    wanted = TaskFilter(TaskStatus.OPEN, participant.id)
    (task,) = (await platform.tasks.page(OFFICER, wanted, PageRequest(BY_ID, 10))).items
    close = platform.tasks.close(OFFICER, task.id, "stays", expected_version=task.version + 1)
    assert await refused_at(close) == (RefusalCode.VERSION_CONFLICT, ("expectedVersion",))
    done = await platform.tasks.close(OFFICER, task.id, "stays", expected_version=task.version)
    assert done.subject.version == task.version + 1
