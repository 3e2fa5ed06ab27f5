"""Operators, over the wire: registered with the least, changed by two where it matters, ended all at once."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from service.access import Caller, CallerKind, OperatorRole, Permission, Service
from service.certificates import CertificateState
from service.errors import Forbidden, Unauthenticated
from service.operator_service import OperatorInput
from service.operators import LeaverConcern, OffboardReason, OperatorStatus, SmsStatus, SmsTopic
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from tests.service.institutions import OFFICER, OTHER_USCC, SECOND_OFFICER, TELEPHONE, Institutions, caller_for

pytestmark = pytest.mark.wire


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


def sole(caught: pytest.ExceptionInfo[Refused]) -> RefusalCode:
    (refusal,) = caught.value.refusals
    assert refusal.message
    assert refusal.message_zh
    return refusal.code


def with_permission(operator_caller: Caller, *permissions: Permission) -> Caller:
    return replace(operator_caller, permissions=operator_caller.permissions | set(permissions))


async def test_a_grant_beyond_the_users_grants_is_refused(platform: Institutions) -> None:
    _, administrator = await platform.open()
    with pytest.raises(Refused) as caught:
        await platform.register(administrator, "000002", permissions=[Permission.SETTLEMENT_SUBMIT])
    assert sole(caught) is RefusalCode.PERMISSION_BEYOND_GRANTS
    assert caught.value.refusals[0].article == 9
    assert caught.value.refusals[0].field == ("permissions",)


async def test_a_wildcard_grant_is_refused(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    with pytest.raises(Refused) as caught:
        await platform.operators.change_permissions(caller_for(administrator), clerk.id, ["*"])
    assert sole(caught) is RefusalCode.PERMISSION_WILDCARD
    assert caught.value.refusals[0].article == 11


async def test_a_permission_beyond_the_role_is_refused(platform: Institutions) -> None:
    _, administrator = await platform.open()
    with pytest.raises(Refused) as caught:
        await platform.register(administrator, "000002", permissions=[Permission.OPERATOR_MANAGE])
    assert sole(caught) is RefusalCode.PERMISSION_BEYOND_ROLE


async def test_nobody_widens_their_own_permissions(platform: Institutions) -> None:
    _, administrator = await platform.open()
    second = await platform.second_administrator(administrator)
    wider = [*second.permissions, Permission.CERTIFICATE_APPROVE]
    with pytest.raises(Refused) as caught:
        await platform.operators.change_permissions(caller_for(second), second.id, wider)
    assert sole(caught) is RefusalCode.OWN_PERMISSIONS
    narrower = [each for each in second.permissions if each is not Permission.RECORD_READ]
    done = await platform.operators.change_permissions(caller_for(second), second.id, narrower)
    assert Permission.RECORD_READ not in done.subject.permissions


async def test_an_operator_number_is_never_used_again(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    await platform.operators.offboard(caller_for(administrator), clerk.id, OffboardReason.LEFT)
    with pytest.raises(Refused) as caught:
        await platform.register(administrator, "000002")
    assert sole(caught) is RefusalCode.OPERATOR_NUMBER_TAKEN
    assert caught.value.refusals[0].field == ("operatorNumber",)


async def test_every_fault_of_a_registration_is_told_at_once(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    given = OperatorInput("7", "", OperatorRole.OPERATOR, ("SETTLEMENT_APPROVE",), "123")
    with pytest.raises(Refused) as caught:
        await platform.operators.register(caller_for(administrator), participant.id, given)
    assert {refusal.field for refusal in caught.value.refusals} == {
        ("operatorNumber",),
        ("name",),
        ("telephone",),
        ("permissions",),
    }


async def test_permission_to_approve_is_given_by_two_persons(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await platform.grant_settlement(participant)
    second = await platform.second_administrator(administrator)
    reviewer = await platform.register(administrator, "000003", OperatorRole.REVIEWER)
    change = platform.operators.change_permissions
    wanted = [Permission.SETTLEMENT_APPROVE]
    proposed = await change(caller_for(administrator), reviewer.id, wanted)
    assert proposed.proposal is not None
    assert proposed.subject.permissions == ()
    with pytest.raises(Refused) as caught:
        await change(caller_for(administrator), reviewer.id, wanted, proposal_id=proposed.proposal.id)
    assert sole(caught) is RefusalCode.SAME_PERSON
    with pytest.raises(Refused) as caught:
        await change(
            caller_for(second),
            reviewer.id,
            [Permission.SETTLEMENT_APPROVE, Permission.SETTLEMENT_READ],
            proposal_id=proposed.proposal.id,
        )
    assert sole(caught) is RefusalCode.PROPOSAL_MISMATCH
    done = await change(caller_for(second), reviewer.id, wanted, proposal_id=proposed.proposal.id)
    assert done.subject.permissions == (Permission.SETTLEMENT_APPROVE,)
    await change(OFFICER, reviewer.id, [])
    with pytest.raises(Refused) as caught:
        await change(OFFICER, reviewer.id, wanted, proposal_id=proposed.proposal.id)
    assert sole(caught) is RefusalCode.PROPOSAL_NOT_FOUND


async def test_a_proposal_lapses(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await platform.grant_settlement(participant)
    reviewer = await platform.register(administrator, "000003", OperatorRole.REVIEWER)
    wanted = [Permission.SETTLEMENT_APPROVE]
    proposed = await platform.operators.change_permissions(caller_for(administrator), reviewer.id, wanted)
    assert proposed.proposal is not None
    platform.clock.time += timedelta(days=8)
    with pytest.raises(Refused) as caught:
        await platform.operators.change_permissions(OFFICER, reviewer.id, wanted, proposal_id=proposed.proposal.id)
    assert sole(caught) is RefusalCode.PROPOSAL_EXPIRED


async def test_offboarding_ends_sms_permissions_sessions_and_certificates_together(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002", permissions=[Permission.SMS_SUBSCRIBE])
    await platform.operators.subscribe_sms(caller_for(clerk), clerk.id, SmsTopic.NOTICE, None)
    certificate = await platform.certify(clerk)
    done = await platform.operators.offboard(caller_for(administrator), clerk.id, OffboardReason.LEFT)
    assert done.record is not None
    gone = await platform.operator_store.find(clerk.id)
    assert gone is not None
    assert gone == done.subject
    assert (gone.status, gone.permissions, gone.offboard_reason) == (
        OperatorStatus.OFFBOARDED,
        (),
        OffboardReason.LEFT,
    )
    assert [each.status for each in gone.sms_subscriptions] == [SmsStatus.CANCELLED]
    assert gone.sessions_end_at == gone.offboarded_at
    ended = await platform.certificate_store.find(certificate.id)
    assert ended is not None
    assert (ended.state, ended.revocation_reason) == (CertificateState.REVOKED, "affiliationChanged")


async def test_offboarding_twice_has_nothing_left_to_do(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    first = await platform.operators.offboard(caller_for(administrator), clerk.id, OffboardReason.LEFT)
    second = await platform.operators.offboard(caller_for(administrator), clerk.id, OffboardReason.MOVED)
    assert second.subject == first.subject
    assert second.record is None
    kinds = [record.kind for record in await platform.records_of(clerk.id)]
    assert kinds == ["operator.registered", "operator.offboarded"]


async def test_the_last_active_administrator_goes_only_with_a_successor(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    me = caller_for(administrator)
    for attempt in (
        platform.operators.offboard(me, administrator.id, OffboardReason.LEFT),
        platform.operators.freeze(me, administrator.id),
    ):
        with pytest.raises(Refused) as caught:
            await attempt
        assert sole(caught) is RefusalCode.LAST_ADMINISTRATOR
    await platform.operators.offboard(me, administrator.id, OffboardReason.LEFT, successor_id=clerk.id)
    heir = await platform.operator_store.find(clerk.id)
    assert heir is not None
    assert heir.role is OperatorRole.ADMINISTRATOR
    assert set(heir.permissions) == set(administrator.permissions) - {Permission.CERTIFICATE_APPROVE}


async def test_who_was_ended_since_the_token_was_looked_at_acts_no_more(platform: Institutions) -> None:
    _, administrator = await platform.open()
    second = await platform.second_administrator(administrator)
    certificate = await platform.certify(second)
    remembered = replace(caller_for(second), certificate=certificate.fingerprint)
    acted = await platform.register_as(remembered, administrator, "000007")
    assert acted.subject.operator_number == "000007"
    first = caller_for(administrator)
    kept = [each for each in second.permissions if each is not Permission.OPERATOR_MANAGE]
    await platform.operators.change_permissions(first, second.id, kept)
    with pytest.raises(Forbidden):
        await platform.register_as(remembered, administrator, "000008")
    await platform.operators.freeze(first, second.id)
    with pytest.raises(Unauthenticated):
        await platform.register_as(remembered, administrator, "000008")
    await platform.operators.offboard(first, second.id, OffboardReason.LEFT)
    with pytest.raises(Unauthenticated):
        await platform.register_as(remembered, administrator, "000008")
    assert await platform.operator_store.find_by_number(administrator.participant_id, "000008") is None


async def test_nobody_makes_itself_the_successor_and_so_widens_its_own_permissions(platform: Institutions) -> None:
    _, administrator = await platform.open()
    narrow = [Permission.OPERATOR_READ, Permission.OPERATOR_MANAGE]
    second = await platform.register(administrator, "000002", OperatorRole.ADMINISTRATOR, narrow)
    me = caller_for(second)
    with pytest.raises(Refused) as caught:
        await platform.operators.offboard(me, administrator.id, OffboardReason.LEFT, successor_id=second.id)
    assert sole(caught) is RefusalCode.OWN_PERMISSIONS
    assert (await platform.operator_store.find(second.id)) == second


async def test_to_register_with_permissions_takes_the_right_to_assign_them(platform: Institutions) -> None:
    _, administrator = await platform.open()
    narrow = [Permission.OPERATOR_READ, Permission.OPERATOR_MANAGE]
    second = await platform.register(administrator, "000002", OperatorRole.ADMINISTRATOR, narrow)
    with pytest.raises(Forbidden):
        await platform.register(second, "000003", OperatorRole.ADMINISTRATOR, [Permission.PERMISSION_ASSIGN])
    assert (await platform.register(second, "000003")).permissions == ()


async def test_another_participants_proposal_is_as_one_that_does_not_exist(platform: Institutions) -> None:
    _, administrator = await platform.open()
    _, stranger = await platform.open(OTHER_USCC, "BRK002")
    reviewer = await platform.register(administrator, "000003", OperatorRole.REVIEWER)
    theirs = await platform.register(stranger, "000003", OperatorRole.REVIEWER)
    change, wanted = platform.operators.change_permissions, [Permission.CERTIFICATE_APPROVE]
    foreign = (await change(caller_for(stranger), theirs.id, wanted)).proposal
    assert foreign is not None
    for proposal_id in (foreign.id, "live-prp-01K9ZZZZZZZZZZZZZZZZZZZZZZ"):
        with pytest.raises(Refused) as caught:
            await change(caller_for(administrator), reviewer.id, wanted, proposal_id=proposal_id)
        assert sole(caught) is RefusalCode.PROPOSAL_NOT_FOUND


async def test_a_successor_is_an_active_operator_of_the_same_participant(platform: Institutions) -> None:
    _, administrator = await platform.open()
    _, stranger = await platform.open(OTHER_USCC, "BRK002")
    frozen = await platform.register(administrator, "000002")
    await platform.operators.freeze(caller_for(administrator), frozen.id)
    for unfit in (stranger.id, frozen.id, administrator.id, "live-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ"):
        with pytest.raises(Refused) as caught:
            await platform.operators.offboard(
                caller_for(administrator), administrator.id, OffboardReason.LEFT, successor_id=unfit
            )
        assert sole(caught) is RefusalCode.SUCCESSOR_UNFIT


async def test_two_administrators_cannot_remove_each_other_at_once(platform: Institutions) -> None:
    _, first = await platform.open()
    second = await platform.second_administrator(first)
    answers = await asyncio.gather(
        platform.operators.offboard(caller_for(first), second.id, OffboardReason.LEFT),
        platform.operators.offboard(caller_for(second), first.id, OffboardReason.LEFT),
        return_exceptions=True,
    )
    refused = [each for each in answers if isinstance(each, Refused)]
    assert [each.refusals[0].code for each in refused] == [RefusalCode.LAST_ADMINISTRATOR]


async def test_another_participants_operator_is_as_one_that_does_not_exist(platform: Institutions) -> None:
    _, administrator = await platform.open()
    _, stranger = await platform.open(OTHER_USCC, "BRK002")
    me = caller_for(administrator)
    nobody = "live-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ"
    told = []
    for operator_id in (stranger.id, nobody):
        with pytest.raises(Refused) as caught:
            await platform.operators.offboard(me, operator_id, OffboardReason.LEFT)
        told.append(caught.value.refusals)
    assert told[0] == told[1]
    assert await platform.operators.get_many(me, [stranger.id, nobody, administrator.id]) == [None, None, administrator]


async def test_an_attempt_beyond_what_is_permitted_is_refused_and_recorded(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    with pytest.raises(Forbidden):
        await platform.operators.freeze(caller_for(clerk), administrator.id)
    (record,) = [each for each in await platform.records_of(clerk.id) if each.kind == "access.refused"]
    assert record.actor.id == clerk.id
    assert "FREEZE_OPERATOR" in record.content


async def test_frozen_and_unfrozen_an_operator_keeps_its_permissions_but_not_its_sessions(
    platform: Institutions,
) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002", permissions=[Permission.OPERATOR_READ])
    await platform.operators.freeze(caller_for(administrator), clerk.id)
    done = await platform.operators.unfreeze(caller_for(administrator), clerk.id)
    assert done.subject.permissions == (Permission.OPERATOR_READ,)
    assert done.subject.status is OperatorStatus.ACTIVE
    assert done.subject.sessions_end_at is not None


async def test_a_subscription_is_its_operators_own_and_an_administrator_may_only_end_it(
    platform: Institutions,
) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002", permissions=[Permission.SMS_SUBSCRIBE])
    operators, me = platform.operators, caller_for(administrator)
    with pytest.raises(Refused) as caught:
        await operators.subscribe_sms(me, clerk.id, SmsTopic.NOTICE, None)
    assert sole(caught) is RefusalCode.SMS_NOT_OWN
    await operators.subscribe_sms(caller_for(clerk), clerk.id, SmsTopic.NOTICE, "139 0000 1111")
    with pytest.raises(Refused) as caught:
        await operators.subscribe_sms(caller_for(clerk), clerk.id, SmsTopic.NOTICE, None)
    assert sole(caught) is RefusalCode.SMS_ALREADY_SUBSCRIBED
    done = await operators.unsubscribe_sms(me, clerk.id, SmsTopic.NOTICE)
    assert done.subject.sms_subscriptions[0].status is SmsStatus.CANCELLED
    assert done.subject.sms_subscriptions[0].telephone.masked == "139****1111"
    with pytest.raises(Refused) as caught:
        await operators.unsubscribe_sms(caller_for(clerk), clerk.id, SmsTopic.NOTICE)
    assert sole(caught) is RefusalCode.SMS_NOT_SUBSCRIBED


async def test_of_concurrent_writers_with_an_expected_version_one_wins_each_round(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    for version in (1, 2):
        names = [Permission.OPERATOR_READ, Permission.RECORD_READ]
        answers = await asyncio.gather(
            *(
                platform.operators.change_permissions(
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


async def test_a_withdrawn_service_takes_the_operators_permissions_with_it(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await platform.grant_settlement(participant)
    permissions = [Permission.SETTLEMENT_SUBMIT, Permission.OPERATOR_READ]
    clerk = await platform.register(administrator, "000002", permissions=permissions)
    await platform.participants.withdraw_service(OFFICER, participant.id, Service.SETTLEMENT)
    narrowed = await platform.operator_store.find(clerk.id)
    assert narrowed is not None
    assert narrowed.permissions == (Permission.OPERATOR_READ,)


async def test_the_least_privilege_review_shows_what_was_really_used(platform: Institutions) -> None:
    _, administrator = await platform.open()
    permissions = [Permission.OPERATOR_READ, Permission.RECORD_READ]
    clerk = await platform.register(administrator, "000002", permissions=permissions)
    for _ in range(3):
        await platform.operators.get_many(caller_for(clerk), [clerk.id])
    await platform.usage.flush()
    await platform.usage.flush()
    seen = await platform.operator_store.find(clerk.id)
    assert seen is not None
    assert seen.last_seen_at is not None
    assert seen.version == clerk.version
    (review,) = await platform.operators.least_privilege(caller_for(administrator), [seen], 30)
    assert [(use.permission, use.times) for use in review.used] == [(Permission.OPERATOR_READ, 3)]
    assert review.unused == (Permission.RECORD_READ,)


async def test_the_leaver_report_names_who_may_have_left_something_behind(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    me = caller_for(administrator)
    clerk = await platform.register(administrator, "000002", permissions=[Permission.SMS_SUBSCRIBE])
    await platform.operators.subscribe_sms(caller_for(clerk), clerk.id, SmsTopic.NOTICE, None)
    await platform.operators.change_permissions(me, clerk.id, [])
    frozen = await platform.register(administrator, "000003")
    await platform.certify(frozen)
    await platform.operators.freeze(me, frozen.id)
    report = await platform.operators.leaver_report(me, participant.id)
    concerns = {finding.operator.id: finding.concerns for finding in report}
    assert concerns == {
        clerk.id: (LeaverConcern.SMS_WITHOUT_PERMISSIONS,),
        frozen.id: (LeaverConcern.FROZEN_WITH_CERTIFICATE,),
    }
    platform.clock.time += timedelta(days=100)
    idle = await platform.operators.leaver_report(me, participant.id)
    assert all(LeaverConcern.LONG_IDLE in finding.concerns for finding in idle)
    assert len(idle) == 3


async def test_a_telephone_shows_masked_and_in_clear_only_to_those_who_need_it(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    other = await platform.register(administrator, "000003")
    assert clerk.telephone is not None
    assert clerk.telephone.masked == "138****1234"
    assert TELEPHONE not in repr(clerk)
    assert await platform.operators.reveal_telephone(caller_for(administrator), clerk) == TELEPHONE
    assert await platform.operators.reveal_telephone(caller_for(clerk), clerk) == TELEPHONE
    with pytest.raises(Forbidden):
        await platform.operators.reveal_telephone(caller_for(other), clerk)
    stored = await platform.operator_store.collection.find_one({"_id": clerk.id})
    assert TELEPHONE[3:] not in str(stored)
    assert all(TELEPHONE[3:] not in record.content for record in await platform.records_of(clerk.id))


async def test_a_registrar_does_not_register_operators_for_a_participant(platform: Institutions) -> None:
    participant, _ = await platform.open()
    for caller in (OFFICER, SECOND_OFFICER, Caller(CallerKind.REGISTRAR)):
        with pytest.raises(Forbidden):
            await platform.operators.register(
                caller, participant.id, OperatorInput("000009", "赵六", OperatorRole.OPERATOR)
            )
