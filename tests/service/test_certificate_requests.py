"""How certificates come about: who asks, who approves, and that a holder has one of each profile."""

from dataclasses import replace

import pytest

from service.access import SYSTEM, Permission
from service.certificate_registration import RegistrationInput
from service.certificates import (
    CertificateState,
    RevocationReason,
)
from service.pki.parsing import parse_certificate
from service.refusals import RefusalCode, Refused
from service.storage.certificates import CertificateFilter
from service.storage.database import Database
from tests.service.certifying import LOGIN, SEAL, Certifying, ask
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, SECOND_OFFICER, caller_for, sole

pytestmark = pytest.mark.wire


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


async def test_names_come_from_our_records_and_not_from_the_request(desk: Certifying) -> None:
    participant, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    facts = parse_certificate((certificate.pem or "").encode())
    assert facts.alternative_names == ("URI:urn:prop:production:participant:BRK001:operator:000001",)
    assert "claimed" not in facts.subject
    assert participant.legal_name in facts.subject
    assert (facts.subject, facts.issuer, facts.serial) == (
        certificate.subject, certificate.issuer, certificate.serial_number,
    )  # fmt: skip
    assert (facts.not_before, facts.not_after) == (certificate.not_before, certificate.not_after)
    desk.authority.verify(facts, LOGIN, desk.clock.time)
    assert await desk.certificates.obstacles_of(OFFICER, [certificate]) == [()]


async def test_a_request_waits_for_a_second_person(desk: Certifying) -> None:
    _, administrator = await desk.open()
    asked = await desk.requests.request(OFFICER, ask(administrator))
    assert asked.subject.state is CertificateState.REQUESTED
    assert (asked.subject.serial_number, asked.subject.fingerprint, asked.subject.pem) == (None, None, None)
    assert asked.record is not None
    with pytest.raises(Refused) as caught:
        await desk.requests.approve(OFFICER, asked.subject.id)
    assert sole(caught) is RefusalCode.SAME_PERSON
    approved = await desk.requests.approve(SECOND_OFFICER, asked.subject.id)
    assert approved.subject.state is CertificateState.ISSUED
    assert approved.subject.approved_by == SECOND_OFFICER.id
    kinds = [each.kind for each in await desk.records_of(asked.subject.id)]
    assert kinds == ["certificate.requested", "certificate.approved", "certificate.issued"]


async def test_who_will_hold_it_does_not_approve_it(desk: Certifying) -> None:
    _, administrator = await desk.open()
    asked = await desk.requests.request(REVIEWER, ask(administrator))
    holder = caller_for(administrator)
    holder = replace(holder, permissions=holder.permissions | {Permission.CERTIFICATE_APPROVE})
    with pytest.raises(Refused) as caught:
        await desk.requests.approve(holder, asked.subject.id)
    assert sole(caught) is RefusalCode.SAME_PERSON


async def test_where_the_deployment_says_so_no_approval_is_waited_for(wire_database: Database) -> None:
    desk = Certifying(wire_database, approval="automatic")
    _, administrator = await desk.open()
    done = await desk.requests.request(caller_for(administrator), ask(administrator))
    assert done.subject.state is CertificateState.ISSUED
    kinds = [each.kind for each in await desk.records_of(done.subject.id)]
    assert kinds == ["certificate.requested", "certificate.intended", "certificate.issued"]


async def test_the_first_registrar_is_certified_from_the_depositorys_own_machine(desk: Certifying) -> None:
    registrar, certificate = await desk.certified_registrar()
    assert certificate.state is CertificateState.ISSUED
    assert certificate.registrar_id == registrar.id
    facts = parse_certificate((certificate.pem or "").encode())
    assert facts.alternative_names == ("URI:urn:prop:production:registrar:R001",)
    assert await desk.certificates.obstacles_of(SYSTEM, [certificate]) == [()]


async def test_without_an_authority_issuing_is_refused_with_a_code(wire_database: Database) -> None:
    desk = Certifying(wire_database, authority=False)
    _, administrator = await desk.open()
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator))
    assert sole(caught) is RefusalCode.CERTIFICATE_AUTHORITY_MISSING


async def test_a_key_sent_twice_acts_once(desk: Certifying) -> None:
    _, administrator = await desk.open()
    given = ask(administrator)
    first = await desk.requests.request(REVIEWER, given, key="k")
    again = await desk.requests.request(REVIEWER, given, key="k")
    assert first == again
    approved = await desk.requests.approve(OFFICER, first.subject.id, key="a")
    replayed = await desk.requests.approve(OFFICER, first.subject.id, key="a")
    assert approved == replayed
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator), key="k")
    assert sole(caught) is RefusalCode.IDEMPOTENCY_KEY_REUSED


async def test_an_operator_asks_for_itself_and_an_administrator_for_its_operators(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002", permissions=[Permission.CERTIFICATE_REQUEST])
    with pytest.raises(Refused) as caught:
        await desk.requests.request(caller_for(clerk), ask(administrator))
    assert sole(caught) is RefusalCode.CERTIFICATE_NOT_OWN
    own = await desk.requests.request(caller_for(clerk), ask(clerk))
    assert own.subject.operator_id == clerk.id
    for_clerk = await desk.requests.request(caller_for(administrator), ask(clerk, profile=SEAL))
    assert for_clerk.subject.operator_id == clerk.id


async def test_another_participants_operator_is_as_good_as_none(desk: Certifying) -> None:
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    certificate = await desk.issue(stranger)
    caller = caller_for(administrator)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(caller, ask(stranger))
    assert sole(caught) is RefusalCode.OPERATOR_NOT_FOUND
    with pytest.raises(Refused) as caught:
        await desk.certificates.hold(caller, certificate.id)
    assert sole(caught) is RefusalCode.CERTIFICATE_NOT_FOUND
    assert await desk.certificates.find(caller, certificate.id) is None
    assert await desk.certificates.count(caller, CertificateFilter(participant_id=stranger.participant_id)) == 0


async def test_a_holder_who_is_frozen_gets_none(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002", permissions=[Permission.CERTIFICATE_REQUEST])
    asked = await desk.requests.request(caller_for(clerk), ask(clerk))
    await desk.operators.freeze(caller_for(administrator), clerk.id)
    with pytest.raises(Refused) as caught:
        await desk.requests.approve(OFFICER, asked.subject.id)
    assert sole(caught) is RefusalCode.OPERATOR_STATE


async def test_a_holder_has_one_usable_certificate_of_each_profile(desk: Certifying) -> None:
    _, administrator = await desk.open()
    await desk.issue(administrator)
    await desk.issue(administrator, profile=SEAL)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator))
    assert sole(caught) is RefusalCode.CERTIFICATE_ALREADY_HELD


async def test_one_request_waits_at_a_time(desk: Certifying) -> None:
    _, administrator = await desk.open()
    await desk.requests.request(REVIEWER, ask(administrator))
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator))
    assert sole(caught) is RefusalCode.CERTIFICATE_REQUEST_PENDING


async def test_no_new_one_takes_the_place_of_what_the_depository_examines(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002", permissions=[Permission.CERTIFICATE_REQUEST])
    me = caller_for(administrator)
    approver = replace(me, permissions=me.permissions | {Permission.CERTIFICATE_APPROVE})
    examined = await desk.issue(clerk)
    await desk.certificates.hold(me, examined.id)
    asked = (await desk.requests.request(caller_for(clerk), ask(clerk))).subject
    await desk.certificates.hold(OFFICER, examined.id)
    with pytest.raises(Refused) as caught:
        await desk.requests.approve(approver, asked.id)
    assert sole(caught) is RefusalCode.DEPOSITORY_DECIDES
    await desk.certificates.revoke(OFFICER, asked.id, RevocationReason.CESSATION_OF_OPERATION)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(caller_for(clerk), ask(clerk))
    assert sole(caught) is RefusalCode.DEPOSITORY_DECIDES
    outside = RegistrationInput(LOGIN, clerk.id, desk.outside.issue(number="000002"))
    with pytest.raises(Refused) as caught:
        await desk.registration.register(me, outside)
    assert sole(caught) is RefusalCode.DEPOSITORY_DECIDES
    assert (await desk.again(examined)).state is CertificateState.HELD
    assert (await desk.issue(clerk)).state is CertificateState.ISSUED, "the depository decides so"


async def test_one_whose_certificate_expired_or_whose_key_is_lost_gets_a_new_one(desk: Certifying) -> None:
    _, administrator = await desk.open()
    expired = await desk.issue(administrator)
    desk.pass_days(400)
    second = await desk.issue(administrator)
    assert (await desk.again(expired)).state is CertificateState.SUPERSEDED
    await desk.certificates.report_lost(caller_for(administrator), second.id)
    third = await desk.issue(administrator)
    gone = await desk.again(second)
    assert (gone.state, gone.superseded_by_id) == (CertificateState.SUPERSEDED, third.id)
