"""Operators, over the wire: registered with the least, changed by two where it matters, ended all at once."""

import asyncio

import pytest

from service.access import Caller, CallerKind, OperatorRole, Permission
from service.certificates import CertificateState
from service.errors import Forbidden
from service.operator_service import OperatorInput
from service.operators import Freezer, OffboardReason, OperatorStatus, SmsStatus, SmsTopic
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from tests.service.institutions import OFFICER, OTHER_USCC, SECOND_OFFICER, TELEPHONE, Institutions, caller_for, sole

pytestmark = pytest.mark.wire


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


async def test_a_grant_beyond_the_users_grants_is_refused(platform: Institutions) -> None:
    _, administrator = await platform.open()
    with pytest.raises(Refused) as caught:
        await platform.register(administrator, "000002", permissions=[Permission.SETTLEMENT_SUBMIT])
    assert sole(caught) is RefusalCode.PERMISSION_BEYOND_GRANTS
    assert caught.value.refusals[0].article == 9
    assert caught.value.refusals[0].field == ("permissions",)


async def test_a_permission_beyond_the_role_is_refused(platform: Institutions) -> None:
    _, administrator = await platform.open()
    with pytest.raises(Refused) as caught:
        await platform.register(administrator, "000002", permissions=[Permission.OPERATOR_MANAGE])
    assert sole(caught) is RefusalCode.PERMISSION_BEYOND_ROLE


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


async def test_offboarding_ends_sms_permissions_sessions_and_certificates_together(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002", permissions=[Permission.SMS_SUBSCRIBE])
    await platform.sms.subscribe(caller_for(clerk), clerk.id, SmsTopic.NOTICE, None)
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
    leave, confirm = (administrator.id, OffboardReason.LEFT), {"successor_id": clerk.id}
    proposed = await platform.operators.offboard(me, *leave, **confirm)
    assert proposed.proposal is not None
    confirm["proposal_id"] = proposed.proposal.id
    await platform.operators.offboard(OFFICER, *leave, **confirm)
    heir = await platform.operator_store.find(clerk.id)
    assert heir is not None
    assert heir.role is OperatorRole.ADMINISTRATOR
    assert set(heir.permissions) == set(administrator.permissions) - {Permission.CERTIFICATE_APPROVE}


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
        await platform.register(second, "000003", OperatorRole.OPERATOR, [Permission.OPERATOR_READ])
    assert (await platform.register(second, "000003")).permissions == ()


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


@pytest.mark.parametrize("first", ["the depository", "the participant"])
async def test_whom_the_depository_froze_it_alone_unfreezes(platform: Institutions, first: str) -> None:
    _, administrator = await platform.open()
    me, clerk = caller_for(administrator), await platform.register(administrator, "000002")
    if first == "the participant":
        await platform.operators.freeze(me, clerk.id)
    frozen = (await platform.operators.freeze(OFFICER, clerk.id)).subject
    assert (frozen.status, frozen.frozen_by) == (OperatorStatus.FROZEN, Freezer.DEPOSITORY)
    with pytest.raises(Refused) as caught:
        await platform.operators.unfreeze(me, clerk.id)
    assert sole(caught) is RefusalCode.DEPOSITORY_DECIDES
    for caller in (me, OFFICER):
        with pytest.raises(Refused) as caught:
            await platform.operators.freeze(caller, clerk.id)
        assert sole(caught) is RefusalCode.OPERATOR_STATE
    done = await platform.operators.unfreeze(OFFICER, clerk.id)
    assert (done.subject.status, done.subject.frozen_by) == (OperatorStatus.ACTIVE, None)


async def test_whom_the_participant_froze_it_or_the_depository_unfreezes(platform: Institutions) -> None:
    _, administrator = await platform.open()
    me, clerk = caller_for(administrator), await platform.register(administrator, "000002")
    for caller in (me, OFFICER):
        frozen = (await platform.operators.freeze(me, clerk.id)).subject
        assert frozen.frozen_by is Freezer.PARTICIPANT
        assert (await platform.operators.unfreeze(caller, clerk.id)).subject.status is OperatorStatus.ACTIVE


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
