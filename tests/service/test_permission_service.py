"""Permissions, over the wire: within what is granted, and to approve by the word of two persons."""

from datetime import timedelta

import pytest

from service.access import OperatorRole, Permission, Service
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from tests.service.institutions import OFFICER, OTHER_USCC, Institutions, caller_for, sole

pytestmark = pytest.mark.wire


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


async def test_a_wildcard_grant_is_refused(platform: Institutions) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002")
    with pytest.raises(Refused) as caught:
        await platform.permissions.change(caller_for(administrator), clerk.id, ["*"])
    assert sole(caught) is RefusalCode.PERMISSION_WILDCARD
    assert caught.value.refusals[0].article == 11


async def test_nobody_widens_their_own_permissions(platform: Institutions) -> None:
    _, administrator = await platform.open()
    second = await platform.second_administrator(administrator)
    wider = [*second.permissions, Permission.CERTIFICATE_APPROVE]
    with pytest.raises(Refused) as caught:
        await platform.permissions.change(caller_for(second), second.id, wider)
    assert sole(caught) is RefusalCode.OWN_PERMISSIONS
    narrower = [each for each in second.permissions if each is not Permission.RECORD_READ]
    done = await platform.permissions.change(caller_for(second), second.id, narrower)
    assert Permission.RECORD_READ not in done.subject.permissions


async def test_permission_to_approve_is_given_by_two_persons(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await platform.grant_settlement(participant)
    second = await platform.second_administrator(administrator)
    reviewer = await platform.register(administrator, "000003", OperatorRole.REVIEWER)
    change = platform.permissions.change
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
    proposed = await platform.permissions.change(caller_for(administrator), reviewer.id, wanted)
    assert proposed.proposal is not None
    platform.clock.time += timedelta(days=8)
    with pytest.raises(Refused) as caught:
        await platform.permissions.change(OFFICER, reviewer.id, wanted, proposal_id=proposed.proposal.id)
    assert sole(caught) is RefusalCode.PROPOSAL_EXPIRED


async def test_another_participants_proposal_is_as_one_that_does_not_exist(platform: Institutions) -> None:
    _, administrator = await platform.open()
    _, stranger = await platform.open(OTHER_USCC, "BRK002")
    reviewer = await platform.register(administrator, "000003", OperatorRole.REVIEWER)
    theirs = await platform.register(stranger, "000003", OperatorRole.REVIEWER)
    change, wanted = platform.permissions.change, [Permission.CERTIFICATE_APPROVE]
    foreign = (await change(caller_for(stranger), theirs.id, wanted)).proposal
    assert foreign is not None
    for proposal_id in (foreign.id, "live-prp-01K9ZZZZZZZZZZZZZZZZZZZZZZ"):
        with pytest.raises(Refused) as caught:
            await change(caller_for(administrator), reviewer.id, wanted, proposal_id=proposal_id)
        assert sole(caught) is RefusalCode.PROPOSAL_NOT_FOUND


async def test_a_withdrawn_service_takes_the_operators_permissions_with_it(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    await platform.grant_settlement(participant)
    permissions = [Permission.SETTLEMENT_SUBMIT, Permission.OPERATOR_READ]
    clerk = await platform.register(administrator, "000002", permissions=permissions)
    await platform.participants.withdraw_service(OFFICER, participant.id, Service.SETTLEMENT)
    narrowed = await platform.operator_store.find(clerk.id)
    assert narrowed is not None
    assert narrowed.permissions == (Permission.OPERATOR_READ,)
