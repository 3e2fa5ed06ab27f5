"""Revisions over the wire: published, delivered, and confirmed, rejected or accepted by use (art. 25, 29)."""

import asyncio
import json
from datetime import date, datetime

import pytest

from service.access import SYSTEM, OperatorRole, Permission
from service.acts import Done
from service.applications import ApplicationStatus
from service.consents import Consent, ConsentStatus
from service.errors import Forbidden
from service.operators import OffboardReason, Operator
from service.pagination import BY_ID, PageRequest
from service.participants import AcceptanceManner, Participant, acceptance_on, acceptances_of
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from service.task_service import TaskFilter
from service.tasks import TaskKind, TaskStatus
from tests.service.institutions import (
    CLOSURE,
    OFFICER,
    OTHER_USCC,
    REVIEWER,
    Institutions,
    caller_for,
    make_access,
)

pytestmark = pytest.mark.wire

IN_FORCE = date(2026, 1, 1)
COMING = date(2027, 1, 1)


@pytest.fixture
async def platform(wire_database: Database) -> Institutions:
    """With agreement 1, which every opening here accepts."""
    platform = Institutions(wire_database)
    await platform.publish(1)
    return platform


async def deliver(platform: Institutions, number: int, effective_from: date = IN_FORCE) -> None:
    await platform.publish(number, effective_from)
    await platform.publications.deliver()


async def consent_of(platform: Institutions, participant: Participant, number: int) -> Consent:
    found = await platform.consent_store.find_of(participant.id, number)
    assert found is not None
    return found


async def reread(platform: Institutions, participant: Participant) -> Participant:
    found = await platform.participant_store.find(participant.id)
    assert found is not None
    return found


async def use(platform: Institutions, administrator: Operator, number: str = "000009") -> Operator:
    """Something that counts as use."""
    return await platform.register(administrator, number)


def codes(caught: pytest.ExceptionInfo[Refused]) -> list[tuple[RefusalCode, int | None]]:
    return [(each.code, each.article) for each in caught.value.refusals]


async def test_publishing_delivers_to_every_open_participant_and_to_nobody_twice(platform: Institutions) -> None:
    first, _ = await platform.open()
    second, _ = await platform.open(OTHER_USCC, "ISS001")
    await platform.publish(2)
    assert await platform.publications.deliver(batch=1) == 2
    assert await platform.publications.deliver() == 0
    for participant in (first, second):
        consent = await consent_of(platform, participant, 2)
        assert (consent.status, consent.opened_at) == (ConsentStatus.DELIVERED, None)
        (record,) = await platform.records_of(consent.id)
        assert (record.id, record.kind, record.participant_id) == (
            consent.delivery_record,
            "agreement.delivered",
            participant.id,
        )
        assert record.at >= consent.delivered_at


async def test_two_processes_deliver_at_once_and_nobody_gets_it_twice(platform: Institutions) -> None:
    await platform.open()
    await platform.open(OTHER_USCC, "ISS001")
    await platform.publish(2)
    await asyncio.gather(*(platform.publications.deliver(batch=1) for _ in range(4)))
    await platform.publications.deliver()
    assert (await platform.consents.count_deliveries(OFFICER, 2)).delivered == 2


async def test_an_institution_that_is_not_opened_gets_no_revision_until_it_is(platform: Institutions) -> None:
    await platform.applications.apply_for_access(REVIEWER, make_access())
    await platform.publish(2, COMING)
    assert await platform.publications.deliver() == 0
    await platform.open(OTHER_USCC, "ISS001")
    assert await platform.publications.deliver() == 1


async def test_the_first_use_after_the_delivery_is_deemed_acceptance_and_names_that_act(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await deliver(platform, 2)
    clerk = await use(platform, administrator)
    consent = await consent_of(platform, participant, 2)
    assert (consent.status, consent.answered_by) == (ConsentStatus.DEEMED_BY_USE, administrator.id)
    (registered,) = await platform.records_of(clerk.id)
    assert consent.answer_record == registered.id
    (deemed,) = [each for each in await platform.records_of(consent.id) if each.kind == "agreement.deemed"]
    assert json.loads(deemed.content)["content"]["use"] == registered.id
    changed = await reread(platform, participant)
    assert changed.version == participant.version
    assert [(each.agreement_number, each.manner) for each in acceptances_of(changed)] == [
        (1, AcceptanceManner.BY_APPLICATION),
        (2, AcceptanceManner.DEEMED_BY_USE),
    ]
    await use(platform, administrator, "000010")
    assert await consent_of(platform, participant, 2) == consent  # the first use, and no later one


async def test_there_is_no_deemed_acceptance_before_the_delivery(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await platform.publish(2)
    await use(platform, administrator)
    assert await platform.consent_store.find_of(participant.id, 2) is None
    assert acceptances_of(await reread(platform, participant)) == acceptances_of(participant)
    await platform.publications.deliver()
    assert (await consent_of(platform, participant, 2)).status is ConsentStatus.DELIVERED
    with pytest.raises(Refused) as caught:
        await platform.consents.confirm(caller_for(administrator), 3)
    assert codes(caught) == [(RefusalCode.AGREEMENT_NOT_FOUND, 25)]


async def test_use_before_the_revision_takes_effect_is_no_acceptance(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await deliver(platform, 2, COMING)
    await use(platform, administrator)
    assert (await consent_of(platform, participant, 2)).status is ConsentStatus.DELIVERED
    platform.clock.time = datetime(2026, 12, 31, 16, tzinfo=platform.clock.time.tzinfo)  # 2027 has begun in Shanghai
    await use(platform, administrator, "000010")
    assert (await consent_of(platform, participant, 2)).status is ConsentStatus.DEEMED_BY_USE


async def test_reading_and_looking_after_ones_own_is_no_use(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    await deliver(platform, 2)
    me = caller_for(administrator)
    await platform.participants.find(me, participant.id)
    assert await platform.consents.find_due(me) == await consent_of(platform, participant, 2)
    await platform.operators.freeze(me, clerk.id)
    await platform.operators.offboard(me, clerk.id, OffboardReason.LEFT)
    application = (await platform.applications.apply_for_closure(me, participant.id, CLOSURE)).subject
    await platform.applications.withdraw(me, application.id)
    assert (await consent_of(platform, participant, 2)).status is ConsentStatus.DELIVERED


async def test_an_act_that_is_refused_or_replayed_is_no_use(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    me = caller_for(administrator)
    permissions = [Permission.OPERATOR_READ]
    clerk = await platform.register(administrator, "000002")
    await platform.permissions.change(me, clerk.id, permissions, key="k")
    await deliver(platform, 2)
    await platform.permissions.change(me, clerk.id, permissions, key="k")
    with pytest.raises(Refused):
        await platform.operators.unfreeze(me, clerk.id)
    assert (await consent_of(platform, participant, 2)).status is ConsentStatus.DELIVERED


async def test_the_depositorys_own_acts_accept_nothing_for_a_participant(platform: Institutions) -> None:
    participant, _ = await platform.open()
    await deliver(platform, 2)
    await platform.grant_settlement(participant)
    assert (await consent_of(platform, participant, 2)).status is ConsentStatus.DELIVERED


async def test_a_confirmed_revision_binds_from_its_first_day_on(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await deliver(platform, 2, COMING)
    done = await platform.consents.confirm(caller_for(administrator), 2, key="yes")
    assert await platform.consents.confirm(caller_for(administrator), 2, key="yes") == done
    assert done.subject.status is ConsentStatus.CONFIRMED
    assert done.record is not None
    assert (done.record.kind, done.record.id) == ("agreement.confirmed", done.subject.answer_record)
    changed = await reread(platform, participant)
    before, after = acceptance_on(changed, date(2026, 12, 31)), acceptance_on(changed, COMING)
    assert before is not None
    assert after is not None
    assert (before.agreement_number, after.agreement_number) == (1, 2)
    assert after.manner is AcceptanceManner.CONFIRMED


async def test_a_superseded_version_is_not_accepted(platform: Institutions) -> None:
    _, administrator = await platform.open()
    await deliver(platform, 2, COMING)
    await platform.publish(3, COMING)
    me = caller_for(administrator)
    for number in (1, 2):
        with pytest.raises(Refused) as caught:
            await platform.consents.confirm(me, number)
        assert codes(caught) == [(RefusalCode.AGREEMENT_NOT_NEWEST, 25)]
    with pytest.raises(Refused) as caught:
        await platform.consents.confirm(me, 3)
    assert codes(caught) == [(RefusalCode.AGREEMENT_NOT_DELIVERED, 25)]
    await platform.publications.deliver()
    assert (await platform.consents.confirm(me, 3)).subject.status is ConsentStatus.CONFIRMED


async def test_the_legacy_notice_is_accepted_no_more(platform: Institutions) -> None:
    _, administrator = await platform.open()
    with pytest.raises(Refused) as caught:
        await platform.consents.confirm(caller_for(administrator), 0)
    assert codes(caught) == [(RefusalCode.LEGACY_NOTICE_ENDED, 29)]
    with pytest.raises(Refused) as caught:
        await platform.applications.apply_for_access(REVIEWER, make_access(OTHER_USCC, "ISS001", agreement_number=0))
    assert codes(caught) == [(RefusalCode.LEGACY_NOTICE_ENDED, 29)]


async def reject(platform: Institutions, administrator: Operator, number: int = 2) -> Done[Consent]:
    return await platform.consents.reject(caller_for(administrator), number, "the fee")


async def test_after_a_rejection_a_participant_only_reads_and_closes(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await deliver(platform, 2)
    done = await reject(platform, administrator)
    assert (done.subject.status, done.subject.reason) == (ConsentStatus.REJECTED, "the fee")
    (task,) = (await platform.tasks.page(OFFICER, TaskFilter(TaskStatus.OPEN), PageRequest(BY_ID, 10))).items
    assert (task.kind, task.participant_id) == (TaskKind.AGREEMENT_REJECTED, participant.id)
    assert task.reference == done.subject.id
    with pytest.raises(Refused) as caught:
        await use(platform, administrator)
    assert codes(caught) == [(RefusalCode.AGREEMENT_REJECTED, 25)]
    changed = await reread(platform, participant)
    assert acceptances_of(changed) == acceptances_of(participant)
    me = caller_for(administrator)
    assert await platform.participants.find(me, participant.id) == changed
    closing = await platform.applications.apply_for_closure(me, participant.id, CLOSURE)
    assert closing.subject.status is ApplicationStatus.SUBMITTED


async def test_what_is_rejected_stays_rejected_until_a_later_revision_is_confirmed(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await deliver(platform, 2)
    await reject(platform, administrator)
    with pytest.raises(Refused) as caught:
        await platform.consents.confirm(caller_for(administrator), 2)
    assert codes(caught) == [(RefusalCode.CONSENT_STATE, 25)]
    await deliver(platform, 3)
    with pytest.raises(Refused) as caught:
        await use(platform, administrator)  # use does not heal a rejection
    assert codes(caught) == [(RefusalCode.AGREEMENT_REJECTED, 25)]
    await platform.consents.confirm(caller_for(administrator), 3)
    await use(platform, administrator)
    assert (await consent_of(platform, participant, 2)).status is ConsentStatus.REJECTED


async def test_only_an_administrator_answers_for_the_participant(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002", OperatorRole.AUDITOR, [Permission.PARTICIPANT_READ])
    await deliver(platform, 2)
    for caller in (caller_for(clerk), OFFICER, SYSTEM):
        with pytest.raises(Forbidden):
            await platform.consents.confirm(caller, 2)
        with pytest.raises(Forbidden):
            await platform.consents.reject(caller, 2)
    assert (await consent_of(platform, participant, 2)).status is ConsentStatus.DELIVERED


async def test_nobody_answers_for_another_participant_or_sees_its_answers(platform: Institutions) -> None:
    mine, administrator = await platform.open()
    other, stranger = await platform.open(OTHER_USCC, "ISS001")
    await deliver(platform, 2)
    await platform.consents.confirm(caller_for(stranger), 2)
    consent = await consent_of(platform, other, 2)
    assert (await consent_of(platform, mine, 2)).status is ConsentStatus.DELIVERED
    assert await platform.consents.of_participant(caller_for(administrator), other.id) == []
    assert await platform.consents.get_many(caller_for(administrator), [consent.id]) == [None]
    with pytest.raises(Forbidden):
        await platform.consents.count_deliveries(caller_for(administrator), 2)


async def test_the_depository_sees_how_a_revision_fares(platform: Institutions) -> None:
    _, first = await platform.open()
    _, second = await platform.open(OTHER_USCC, "ISS001")
    await deliver(platform, 2)
    await platform.consents.note_opened(caller_for(first), 2)
    await platform.consents.note_opened(OFFICER, 2)
    await platform.consents.confirm(caller_for(first), 2)
    await reject(platform, second)
    count = await platform.consents.count_deliveries(OFFICER, 2)
    assert (count.delivered, count.opened, count.confirmed, count.deemed_by_use, count.rejected) == (2, 1, 1, 0, 1)


async def test_the_first_reading_by_an_administrator_is_kept(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    await deliver(platform, 2)
    await platform.consents.note_opened(caller_for(clerk), 2)
    assert (await consent_of(platform, participant, 2)).opened_at is None
    await platform.consents.note_opened(caller_for(administrator), 2)
    opened = (await consent_of(platform, participant, 2)).opened_at
    await platform.consents.note_opened(caller_for(administrator), 2)
    assert opened is not None
    assert (await consent_of(platform, participant, 2)).opened_at == opened


async def test_an_answer_with_another_expected_version_is_refused(platform: Institutions) -> None:
    _, administrator = await platform.open()
    await deliver(platform, 2)
    for answer in (platform.consents.confirm, platform.consents.reject):
        with pytest.raises(Refused) as caught:
            await answer(caller_for(administrator), 2, expected_version=2)
        assert codes(caught) == [(RefusalCode.VERSION_CONFLICT, None)]
    assert (await platform.consents.confirm(caller_for(administrator), 2, expected_version=1)).subject.version == 2


async def test_of_many_first_uses_at_once_one_is_the_consent(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await deliver(platform, 2)
    clerks = await asyncio.gather(*(use(platform, administrator, f"00002{each}") for each in range(5)))
    consent = await consent_of(platform, participant, 2)
    uses = {record.id for clerk in clerks for record in await platform.records_of(clerk.id)}
    assert consent.answer_record in uses
    assert len(acceptances_of(await reread(platform, participant))) == 2
