"""The depository's decisions, over the wire: with a ground and a rule, by two where it ends, and never automatic."""

from datetime import timedelta

import pytest

from service.access import QualificationType, Service
from service.errors import Forbidden
from service.operators import OperatorStatus
from service.pagination import BY_ID, PageRequest
from service.participants import ParticipantStatus
from service.qualifications import QualificationInput, QualificationStatus
from service.refusals import RefusalCode, Refused
from service.sanctions import Decision, Ground, RuleKind, RuleReference
from service.storage.database import Database
from service.task_service import TaskFilter
from service.tasks import TaskStatus
from tests.service.institutions import (
    BREACH,
    CLOSURE,
    OFFICER,
    OTHER_USCC,
    REVIEWER,
    SECOND_OFFICER,
    TELEPHONE,
    Institutions,
    caller_for,
)

pytestmark = pytest.mark.wire


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


def sole(caught: pytest.ExceptionInfo[Refused]) -> tuple[RefusalCode, int | None]:
    (refusal,) = caught.value.refusals
    assert refusal.message
    assert refusal.message_zh
    return refusal.code, refusal.article


async def test_a_participant_does_not_resume_itself_from_suspended(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await platform.participants.suspend(OFFICER, participant.id, BREACH)
    with pytest.raises(Refused) as caught:
        await platform.participants.resume(caller_for(administrator), participant.id)
    assert sole(caught) == (RefusalCode.DEPOSITORY_DECIDES, 19)
    assert caught.value.refusals[0].field == ("participantId",)
    done = await platform.participants.resume(OFFICER, participant.id)
    assert (done.subject.status, done.subject.sanction) == (ParticipantStatus.ACTIVE, None)


@pytest.mark.parametrize(
    "decision",
    [
        Decision(None, BREACH.rule),
        Decision(Ground.LAW, None),
        Decision(Ground.LAW, RuleReference(RuleKind.LAW, " ", "1")),
    ],
)
async def test_terminating_without_ground_or_rule_is_refused(platform: Institutions, decision: Decision) -> None:
    participant, _ = await platform.open()
    for act in (platform.participants.terminate, platform.participants.suspend):
        with pytest.raises(Refused) as caught:
            await act(OFFICER, participant.id, decision)
        assert sole(caught) == (RefusalCode.GROUND_MISSING, 19)
        assert caught.value.refusals[0].field in {("ground",), ("rule",)}


async def test_a_lost_qualification_is_no_ground_to_suspend(platform: Institutions) -> None:
    participant, _ = await platform.open()
    decision = Decision(Ground.QUALIFICATION_ENDED, BREACH.rule)
    with pytest.raises(Refused) as caught:
        await platform.participants.suspend(OFFICER, participant.id, decision)
    assert sole(caught) == (RefusalCode.GROUND_NOT_FOR_SUSPENSION, 20)


async def test_termination_takes_two_officers_and_ends_all_access(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    terminate = platform.participants.terminate
    proposed = await terminate(OFFICER, participant.id, BREACH)
    assert proposed.proposal is not None
    assert proposed.subject.status is ParticipantStatus.ACTIVE
    with pytest.raises(Refused) as caught:
        await terminate(OFFICER, participant.id, BREACH, proposal_id=proposed.proposal.id)
    assert sole(caught)[0] is RefusalCode.SAME_PERSON
    done = await terminate(SECOND_OFFICER, participant.id, BREACH, proposal_id=proposed.proposal.id)
    assert done.subject.status is ParticipantStatus.TERMINATED
    assert done.subject.services == ()
    former = await platform.operator_store.find(administrator.id)
    assert former is not None
    assert former.status is OperatorStatus.OFFBOARDED


async def test_a_reviewer_does_not_suspend(platform: Institutions) -> None:
    participant, _ = await platform.open()
    with pytest.raises(Forbidden):
        await platform.participants.suspend(REVIEWER, participant.id, BREACH)


async def test_a_lost_qualification_raises_a_task_and_terminates_nothing(platform: Institutions) -> None:
    participant, _ = await platform.open()
    await platform.grant_settlement(participant)
    since = platform.clock.time.date() - timedelta(days=90)
    for status in (QualificationStatus.TERMINATED, QualificationStatus.SUSPENDED):
        given = QualificationInput(QualificationType.SETTLEMENT, status, since, None, "notice 12")
        done = await platform.participants.record_qualification(REVIEWER, participant.id, given)
        assert done.subject.status is ParticipantStatus.ACTIVE
        assert Service.SETTLEMENT in {grant.service for grant in done.subject.services}
    open_ones = TaskFilter(TaskStatus.OPEN, participant.id)
    tasks = (await platform.tasks.page(OFFICER, open_ones, PageRequest(BY_ID, 10))).items
    assert [(task.reference, task.status) for task in tasks] == [("notice 12", TaskStatus.OPEN)] * 2
    closed = await platform.tasks.close(OFFICER, tasks[0].id, "kept, remedy agreed")
    assert closed.subject.closed_by == OFFICER.id
    with pytest.raises(Refused) as caught:
        await platform.tasks.close(OFFICER, tasks[0].id, "again")
    assert sole(caught) == (RefusalCode.TASK_NOT_FOUND, 20)
    assert await platform.tasks.count(OFFICER, TaskFilter(TaskStatus.OPEN)) == 1


async def test_a_service_presupposes_its_qualification(platform: Institutions) -> None:
    participant, _ = await platform.open()
    with pytest.raises(Refused) as caught:
        await platform.participants.grant_service(OFFICER, participant.id, Service.SETTLEMENT)
    assert sole(caught) == (RefusalCode.QUALIFICATION_MISSING, 20)
    await platform.grant_settlement(participant)
    with pytest.raises(Refused) as caught:
        await platform.participants.grant_service(OFFICER, participant.id, Service.SETTLEMENT)
    assert sole(caught) == (RefusalCode.SERVICE_ALREADY_GRANTED, 9)


async def test_administration_comes_with_the_opening_and_is_not_withdrawn(platform: Institutions) -> None:
    participant, _ = await platform.open()
    with pytest.raises(Refused) as caught:
        await platform.participants.withdraw_service(OFFICER, participant.id, Service.ACCESS)
    assert sole(caught) == (RefusalCode.SERVICE_INDISPENSABLE, 9)
    with pytest.raises(Refused) as caught:
        await platform.participants.withdraw_service(OFFICER, participant.id, Service.HOLDER_REGISTER)
    assert sole(caught) == (RefusalCode.SERVICE_NOT_GRANTED, 9)


async def test_a_suspension_outlives_an_application_to_close_that_is_rejected(platform: Institutions) -> None:
    participant, _ = await platform.open()
    await platform.participants.suspend(OFFICER, participant.id, BREACH)
    applied = await platform.applications.apply_for_closure(REVIEWER, participant.id, CLOSURE)
    await platform.applications.withdraw(REVIEWER, applied.subject.id)
    kept = await platform.participant_store.find(participant.id)
    assert kept is not None
    assert kept.status is ParticipantStatus.SUSPENDED
    assert kept.sanction is not None


async def test_a_participant_sees_its_own_and_no_other(platform: Institutions) -> None:
    mine, administrator = await platform.open()
    other, _ = await platform.open(OTHER_USCC, "BRK002")
    me = caller_for(administrator)
    assert await platform.participants.get_many(me, [other.id, mine.id]) == [None, mine]
    assert await platform.participants.find_by_code(me, "BRK002") is None
    assert await platform.participants.find_by_code(OFFICER, "BRK002") == other


async def test_a_contact_shows_masked_and_in_clear_only_to_those_who_need_it(platform: Institutions) -> None:
    mine, administrator = await platform.open()
    other, stranger = await platform.open(OTHER_USCC, "BRK002")
    (contact,) = mine.contacts
    assert (contact.telephone.masked, contact.name.masked) == ("138****1234", "李*")
    clear = await platform.participants.reveal_contact(caller_for(administrator), mine, contact)
    assert clear is not None
    assert (clear.name, clear.telephone, clear.email) == ("李四", TELEPHONE, "li@example.com")
    assert "李四" not in repr(clear)
    assert await platform.participants.reveal_contact(caller_for(stranger), mine, contact) is None
    assert other.contacts[0].telephone.blind_index == contact.telephone.blind_index
