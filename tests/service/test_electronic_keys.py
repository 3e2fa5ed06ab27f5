"""Electronic keys in custody: who has which, and what a loss does at once."""

from dataclasses import replace

import pytest

from service.access import Permission
from service.certificate_registration import RegistrationInput
from service.certificate_requests import RequestInput
from service.certificates import CertificateState, HoldReason
from service.electronic_key_service import ElectronicKeyInput
from service.electronic_keys import (
    ELECTRONIC_KEY_TRANSITIONS,
    ElectronicKey,
    ElectronicKeyCommand,
    ElectronicKeyStatus,
    moved_on,
    parse_serial,
)
from service.operators import Operator
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from tests.service.certifying import LOGIN, SEAL, Certifying, make_csr, make_key
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, caller_for, sole
from tests.service.test_certificate_rules import AT

KEY = ElectronicKey(
    id="live-key-1",
    version=1,
    serial="AB12",
    model="K1",
    participant_id="live-par-1",
    status=ElectronicKeyStatus.ISSUED,
    issued_at=AT,
    changed_at=AT,
)


def test_what_the_table_does_not_have_is_refused() -> None:
    for status in ElectronicKeyStatus:
        for command in ElectronicKeyCommand:
            key = ElectronicKey(**{**{name: getattr(KEY, name) for name in KEY.__slots__}, "status": status})
            if (status, command) in ELECTRONIC_KEY_TRANSITIONS:
                assert moved_on(key, command, AT).status is ELECTRONIC_KEY_TRANSITIONS[status, command]
            else:
                with pytest.raises(Refused):
                    moved_on(key, command, AT)


def test_what_was_returned_stays_returned() -> None:
    assert ElectronicKeyStatus.RETURNED not in {status for status, _ in ELECTRONIC_KEY_TRANSITIONS}


@pytest.mark.parametrize("text", ["", "abc", "a b c d", "x" * 33, "密钥12345"])
def test_what_is_no_serial_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_serial(text, "serial")


async def given_to(desk: Certifying, operator: Operator, serial: str = "sh0001") -> ElectronicKey:
    given = ElectronicKeyInput(serial, "UKey 3000", operator.participant_id)
    key = (await desk.electronic_keys.register(REVIEWER, given)).subject
    return (
        await desk.electronic_keys.change(OFFICER, key.id, ElectronicKeyCommand.USE, operator_id=operator.id)
    ).subject


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


@pytest.mark.wire
async def test_a_lost_key_holds_every_certificate_on_it_at_once(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002", permissions=[Permission.CERTIFICATE_REQUEST])
    key = await given_to(desk, clerk)
    assert (key.serial, key.status) == ("SH0001", ElectronicKeyStatus.IN_USE)
    request = RequestInput(LOGIN, make_csr(make_key()), operator_id=clerk.id, electronic_key_id=key.id)
    asked = await desk.requests.request(REVIEWER, request)
    certificate = (await desk.requests.approve(OFFICER, asked.subject.id)).subject
    lost = await desk.electronic_keys.change(caller_for(administrator), key.id, ElectronicKeyCommand.LOSE)
    assert lost.subject.status is ElectronicKeyStatus.LOST
    held = await desk.again(certificate)
    assert (held.state, held.hold_reason) == (CertificateState.HELD, HoldReason.KEY_LOST)


@pytest.mark.wire
async def test_a_loss_that_the_operator_reports_reaches_custody(desk: Certifying) -> None:
    _, administrator = await desk.open()
    key = await given_to(desk, administrator)
    request = RequestInput(LOGIN, make_csr(make_key()), operator_id=administrator.id, electronic_key_id=key.id)
    asked = await desk.requests.request(REVIEWER, request)
    certificate = (await desk.requests.approve(OFFICER, asked.subject.id)).subject
    await desk.certificates.report_lost(caller_for(administrator), certificate.id)
    (found,) = await desk.electronic_keys.get_many(OFFICER, [key.id])
    assert found is not None
    assert found.status is ElectronicKeyStatus.LOST


@pytest.mark.wire
@pytest.mark.parametrize("reported", ["the certificate", "the key"])
async def test_what_else_is_on_a_lost_key_is_lost_with_it_be_it_held_or_not(desk: Certifying, reported: str) -> None:
    _, administrator = await desk.open()
    key, me = await given_to(desk, administrator), caller_for(administrator)
    certificates = []
    for profile in (LOGIN, SEAL):
        request = RequestInput(profile, make_csr(make_key()), operator_id=administrator.id, electronic_key_id=key.id)
        asked = await desk.requests.request(REVIEWER, request)
        certificates.append((await desk.requests.approve(OFFICER, asked.subject.id)).subject)
    held, other = certificates
    await desk.certificates.hold(me, held.id)
    if reported == "the key":
        await desk.electronic_keys.change(me, key.id, ElectronicKeyCommand.LOSE)
    else:
        await desk.certificates.report_lost(me, held.id)
    assert (await desk.again(other)).state is CertificateState.HELD
    (found,) = await desk.electronic_keys.get_many(OFFICER, [key.id])
    assert found is not None
    assert found.status is ElectronicKeyStatus.LOST
    for each in certificates:
        with pytest.raises(Refused) as caught:
            await desk.certificates.release(OFFICER, each.id)
        assert sole(caught) is RefusalCode.CERTIFICATE_KEY_LOST


@pytest.mark.wire
async def test_a_certificate_goes_onto_the_key_in_its_holders_hand_only(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002", permissions=[Permission.CERTIFICATE_REQUEST])
    key = await given_to(desk, administrator)
    request = RequestInput(LOGIN, make_csr(make_key()), operator_id=clerk.id, electronic_key_id=key.id)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, request)
    assert caught.value.refusals[0].code is RefusalCode.ELECTRONIC_KEY_NOT_FOUND


@pytest.mark.wire
async def test_a_key_in_another_participants_hand_is_neither_named_nor_reported_lost(desk: Certifying) -> None:
    _, victim = await desk.open()
    _, attacker = await desk.open(OTHER_USCC, "ISS001")
    key = await given_to(desk, victim)
    request = RequestInput(LOGIN, make_csr(make_key()), operator_id=victim.id, electronic_key_id=key.id)
    theirs = (await desk.requests.approve(OFFICER, (await desk.requests.request(REVIEWER, request)).subject.id)).subject
    me, pem = caller_for(attacker), desk.outside.issue(code="ISS001")
    with pytest.raises(Refused) as caught:
        await desk.registration.register(me, RegistrationInput(LOGIN, attacker.id, pem, electronic_key_id=key.id))
    assert sole(caught) is RefusalCode.ELECTRONIC_KEY_NOT_FOUND
    own = (await desk.registration.register(me, RegistrationInput(LOGIN, attacker.id, pem))).subject
    named = await desk.certificate_store.replace(None, replace(own, electronic_key_id=key.id))  # as it once could be
    assert (await desk.certificates.report_lost(me, named.id)).subject.state is CertificateState.HELD
    assert (await desk.again(theirs)).state is CertificateState.ISSUED
    (found,) = await desk.electronic_keys.get_many(OFFICER, [key.id])
    assert found is not None
    assert found.status is ElectronicKeyStatus.IN_USE


@pytest.mark.wire
async def test_a_serial_is_given_out_once_and_only_ones_own_keys_are_seen(desk: Certifying) -> None:
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    key = await given_to(desk, administrator)
    with pytest.raises(Refused) as caught:
        await given_to(desk, stranger)
    assert caught.value.refusals[0].code is RefusalCode.ELECTRONIC_KEY_SERIAL_TAKEN
    assert await desk.electronic_keys.get_many(caller_for(stranger), [key.id]) == [None]
    with pytest.raises(Refused) as caught:
        await desk.electronic_keys.change(caller_for(stranger), key.id, ElectronicKeyCommand.LOSE)
    assert caught.value.refusals[0].code is RefusalCode.ELECTRONIC_KEY_NOT_FOUND
