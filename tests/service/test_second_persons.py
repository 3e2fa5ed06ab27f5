"""Two persons are two: nobody makes its own second person, by registering, appointing or certifying it (art. 11)."""

from collections.abc import Sequence

import pytest

from service.access import Caller, OperatorRole, Permission
from service.acts import Done
from service.certificate_registration import RegistrationInput
from service.certificates import Certificate, CertificateProfile
from service.operator_service import OperatorInput
from service.operators import OffboardReason, Operator
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from tests.service.certifying import Certifying, ask, logged_in, make_csr, make_key
from tests.service.institutions import OFFICER, REVIEWER, caller_for, sole

pytestmark = pytest.mark.wire

POWERS = [Permission.OPERATOR_READ, Permission.OPERATOR_MANAGE, Permission.PERMISSION_ASSIGN]
WANTED = [Permission.CERTIFICATE_APPROVE]


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


async def appoint(desk: Certifying, first: Caller, second: Caller, operator: Operator) -> Operator:
    proposed = await desk.permissions.appoint(first, operator.id, POWERS)
    assert proposed.proposal is not None
    done = await desk.permissions.appoint(second, operator.id, POWERS, proposal_id=proposed.proposal.id)
    return done.subject


async def let_approve(
    desk: Certifying, first: Caller, second: Caller, operator: Operator, wanted: Sequence[Permission] = WANTED
) -> Done[Operator]:
    proposed = await desk.permissions.change(first, operator.id, wanted)
    assert proposed.proposal is not None
    return await desk.permissions.change(second, operator.id, wanted, proposal_id=proposed.proposal.id)


async def deputy_of(desk: Certifying, administrator: Operator) -> Operator:
    """An administrator whom the first one did not let in."""
    return await desk.second_administrator(administrator, "000009")


async def test_an_administrator_is_not_registered_by_one_person(desk: Certifying) -> None:
    participant, administrator = await desk.open()
    given = OperatorInput("000002", "王五", OperatorRole.ADMINISTRATOR)
    with pytest.raises(Refused) as caught:
        await desk.operators.register(caller_for(administrator), participant.id, given)
    assert sole(caught) is RefusalCode.ADMINISTRATOR_NOT_AT_REGISTRATION
    assert caught.value.refusals[0].field == ("role",)


async def test_an_administrator_is_appointed_by_two_persons(desk: Certifying) -> None:
    _, administrator = await desk.open()
    me, clerk = caller_for(administrator), await desk.register(administrator, "000002")
    proposed = await desk.permissions.appoint(me, clerk.id, POWERS)
    assert proposed.proposal is not None
    assert proposed.subject == clerk
    with pytest.raises(Refused) as caught:
        await desk.permissions.appoint(me, clerk.id, POWERS, proposal_id=proposed.proposal.id)
    assert sole(caught) is RefusalCode.SAME_PERSON
    with pytest.raises(Refused) as caught:
        await desk.permissions.appoint(OFFICER, clerk.id, POWERS[:1], proposal_id=proposed.proposal.id)
    assert sole(caught) is RefusalCode.PROPOSAL_MISMATCH
    done = await desk.permissions.appoint(OFFICER, clerk.id, POWERS, proposal_id=proposed.proposal.id)
    assert (done.subject.role, set(done.subject.permissions)) == (OperatorRole.ADMINISTRATOR, set(POWERS))
    kinds = [each.kind for each in await desk.records_of(clerk.id)]
    assert kinds == ["operator.registered", "operator.appointment.proposed", "operator.appointed"]


async def test_only_an_active_operator_of_another_role_is_appointed(desk: Certifying) -> None:
    _, administrator = await desk.open()
    me, frozen = caller_for(administrator), await desk.register(administrator, "000002")
    deputy = await deputy_of(desk, administrator)
    await desk.operators.freeze(me, frozen.id)
    for unfit in (frozen.id, deputy.id, administrator.id):
        with pytest.raises(Refused) as caught:
            await desk.permissions.appoint(me, unfit, POWERS)
        assert sole(caught) is RefusalCode.OPERATOR_STATE


async def test_who_was_registered_by_the_proposer_does_not_confirm(desk: Certifying) -> None:
    _, administrator = await desk.open()
    me = caller_for(administrator)
    clerk = await desk.register(administrator, "000002")
    puppet = caller_for(await appoint(desk, me, OFFICER, clerk))
    reviewer = await desk.register(administrator, "000003", OperatorRole.REVIEWER)
    with pytest.raises(Refused) as caught:
        await let_approve(desk, me, puppet, reviewer)
    assert sole(caught) is RefusalCode.NOT_INDEPENDENT
    other = await desk.register(administrator, "000004")
    with pytest.raises(Refused) as caught:
        await appoint(desk, me, puppet, other)
    assert sole(caught) is RefusalCode.NOT_INDEPENDENT
    assert (await desk.operator_store.find(other.id)) == other
    assert (await let_approve(desk, puppet, me, reviewer)).subject.permissions == tuple(WANTED)


async def test_a_successor_is_not_raised_to_administrator_by_one_person(desk: Certifying) -> None:
    _, administrator = await desk.open()
    deputy, clerk = await deputy_of(desk, administrator), await desk.register(administrator, "000002")
    me, left = caller_for(administrator), OffboardReason.LEFT
    proposed = await desk.operators.offboard(me, deputy.id, left, successor_id=clerk.id)
    assert proposed.proposal is not None
    assert (await desk.operator_store.find(deputy.id)) == deputy
    confirm = {"successor_id": clerk.id, "proposal_id": proposed.proposal.id}
    with pytest.raises(Refused) as caught:
        await desk.operators.offboard(me, deputy.id, left, **confirm)
    assert sole(caught) is RefusalCode.SAME_PERSON
    gone = await desk.operators.offboard(OFFICER, deputy.id, left, **confirm)
    assert gone.subject.permissions == ()
    heir = await desk.operator_store.find(clerk.id)
    assert heir is not None
    assert heir.role is OperatorRole.ADMINISTRATOR


async def certified(desk: Certifying, asked_by: Caller, operator: Operator) -> tuple[Caller, Certificate]:
    """The operator, logged in with a certificate that somebody asked for and an officer approved."""
    asked = await desk.requests.request(asked_by, ask(operator))
    certificate = (await desk.requests.approve(OFFICER, asked.subject.id)).subject
    return logged_in(operator, certificate), certificate


async def test_one_hand_that_may_hold_both_keys_is_no_two_persons(desk: Certifying) -> None:
    _, administrator = await desk.open()
    deputy = await deputy_of(desk, administrator)
    reviewer = await desk.register(administrator, "000003", OperatorRole.REVIEWER)
    me, _ = await certified(desk, REVIEWER, administrator)
    puppet, certificate = await certified(desk, me, deputy)
    for first, second in ((me, puppet), (puppet, me)):
        with pytest.raises(Refused) as caught:
            await let_approve(desk, first, second, reviewer)
        assert sole(caught) is RefusalCode.NOT_INDEPENDENT
    desk.pass_days(300)
    renewal = await desk.requests.renew(puppet, certificate.id, make_csr(make_key()))
    me, _ = await certified_anew(desk, me)
    with pytest.raises(Refused) as caught:
        await let_approve(desk, me, logged_in(deputy, renewal.subject), reviewer)
    assert sole(caught) is RefusalCode.NOT_INDEPENDENT


async def certified_anew(desk: Certifying, caller: Caller) -> tuple[Caller, Certificate]:
    holder = await desk.logins.find_holder(caller.certificate or "")
    assert holder is not None
    assert holder.operator is not None
    done = await desk.requests.renew(caller, holder.certificate.id, make_csr(make_key()))
    return logged_in(holder.operator, done.subject), done.subject


async def test_two_whom_a_third_certified_are_no_two_persons(desk: Certifying) -> None:
    _, administrator = await desk.open()
    deputy, third = await deputy_of(desk, administrator), await desk.second_administrator(administrator, "000008")
    reviewer = await desk.register(administrator, "000003", OperatorRole.REVIEWER)
    me, _ = await certified(desk, REVIEWER, administrator)
    one, _ = await certified(desk, me, deputy)
    two, _ = await certified(desk, one, third)
    with pytest.raises(Refused) as caught:
        await let_approve(desk, one, two, reviewer)
    assert sole(caught) is RefusalCode.NOT_INDEPENDENT
    with pytest.raises(Refused) as caught:
        await let_approve(desk, me, two, reviewer)
    assert sole(caught) is RefusalCode.NOT_INDEPENDENT


async def test_whom_the_depositorys_counter_certified_is_a_second_person(desk: Certifying) -> None:
    _, administrator = await desk.open()
    deputy = await deputy_of(desk, administrator)
    reviewer = await desk.register(administrator, "000003", OperatorRole.REVIEWER)
    me, _ = await certified(desk, REVIEWER, administrator)
    other, _ = await certified(desk, REVIEWER, deputy)
    assert (await let_approve(desk, me, other, reviewer)).subject.permissions == tuple(WANTED)


async def test_an_outside_certificate_that_the_proposer_registered_makes_no_second_person(desk: Certifying) -> None:
    _, administrator = await desk.open()
    deputy = await deputy_of(desk, administrator)
    reviewer = await desk.register(administrator, "000003", OperatorRole.REVIEWER)
    me, _ = await certified(desk, REVIEWER, administrator)
    given = RegistrationInput(CertificateProfile.LOGIN, deputy.id, desk.outside.issue(number="000009"))
    registered = (await desk.registration.register(me, given)).subject
    with pytest.raises(Refused) as caught:
        await let_approve(desk, me, logged_in(deputy, registered), reviewer)
    assert sole(caught) is RefusalCode.NOT_INDEPENDENT


async def test_a_certificate_is_not_approved_by_whom_the_requester_registered(desk: Certifying) -> None:
    participant, administrator = await desk.open()
    me = caller_for(administrator)
    reviewer = await desk.register(administrator, "000003", OperatorRole.REVIEWER)
    reviewer = (await let_approve(desk, me, OFFICER, reviewer)).subject
    clerk = await desk.register(administrator, "000002")
    asked = await desk.requests.request(me, ask(clerk))
    with pytest.raises(Refused) as caught:
        await desk.requests.approve(caller_for(reviewer), asked.subject.id)
    assert sole(caught) is RefusalCode.NOT_INDEPENDENT
    done = await desk.requests.approve(OFFICER, asked.subject.id)
    assert (done.subject.participant_id, done.subject.certified_by) == (participant.id, (administrator.id,))


async def test_a_certificate_is_not_approved_by_who_may_hold_the_requesters_key(desk: Certifying) -> None:
    _, administrator = await desk.open()
    deputy = await deputy_of(desk, administrator)
    deputy = (
        await let_approve(desk, caller_for(administrator), OFFICER, deputy, [*deputy.permissions, *WANTED])
    ).subject
    may_ask = [Permission.CERTIFICATE_REQUEST]
    clerk, other = [await desk.register(administrator, each, permissions=may_ask) for each in ("000002", "000003")]
    me, _ = await certified(desk, REVIEWER, deputy)
    puppet, _ = await certified(desk, me, clerk)
    asked = await desk.requests.request(puppet, ask(clerk, profile=CertificateProfile.SEAL))
    with pytest.raises(Refused) as caught:
        await desk.requests.approve(me, asked.subject.id)
    assert sole(caught) is RefusalCode.NOT_INDEPENDENT
    stranger, _ = await certified(desk, REVIEWER, other)
    asked = await desk.requests.request(stranger, ask(other, profile=CertificateProfile.SEAL))
    assert (await desk.requests.approve(me, asked.subject.id)).subject.approved_by == deputy.id
