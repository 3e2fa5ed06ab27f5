"""Certificates in an algorithm that cannot be verified here: shown, and taken at nobody's expense."""

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from service.access import SYSTEM
from service.authority import OutsideAuthorities
from service.certificate_registration import RegistrationInput
from service.certificates import Certificate, CertificateState, Obstacle, RevocationReason
from service.operators import OffboardReason, Operator
from service.pki.chain import ChainStatus
from service.pki.keys import facts_of
from service.pki.parsing import parse_certificate, parse_revocation_list
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from service.world import PRODUCTION
from tests.service.certifying import LOGIN, Certifying, Key, OutsideAuthority, ask, make_key
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, caller_for, sole
from tests.service.test_certificate_life import status_over

pytestmark = pytest.mark.wire

P256, SM2 = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a811ccf5501822d")
ECDSA, UNLISTED = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d040309")


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


def rewritten(pem: str, was: bytes, becomes: bytes) -> str:
    """The certificate with another object identifier, as whoever has an editor writes it."""
    der = parse_certificate(pem.encode()).der
    assert was in der
    text = base64.encodebytes(der.replace(was, becomes)).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


def sm2(desk: Certifying) -> str:
    """Its key is on the curve of GM/T 0003."""
    return rewritten(desk.outside.issue(), P256, SM2)


def forged(desk: Certifying, issuer: str, key: Key | None = None, serial: int = 7) -> str:
    """Of the attacker's, about anybody's key, in anybody's name, signed with nothing."""
    pem = OutsideAuthority(desk.clock.time, issuer).issue(code="ISS001", key=key, serial=serial)
    return rewritten(pem, ECDSA, UNLISTED)


async def registered(desk: Certifying, operator: Operator, pem: str) -> Certificate:
    return (await desk.registration.register(caller_for(operator), RegistrationInput(LOGIN, operator.id, pem))).subject


async def test_one_in_sm2_is_shown_and_never_usable(desk: Certifying) -> None:
    _, administrator = await desk.open()
    certificate = await registered(desk, administrator, sm2(desk))
    assert certificate.chain_verified is ChainStatus.UNSUPPORTED_ALGORITHM
    assert certificate.key_algorithm == "SM2"
    assert "somebody" in certificate.subject
    assert await desk.certificates.obstacles_of(SYSTEM, [certificate]) == [(Obstacle.CHAIN_UNVERIFIED,)]
    assert certificate.seat is None
    assert (await desk.issue(administrator)).state is CertificateState.ISSUED, "it takes nobody's place"
    with pytest.raises(Refused) as caught:
        await registered(desk, administrator, certificate.pem or "")
    assert sole(caught) is RefusalCode.CERTIFICATE_KNOWN


async def test_one_in_sm2_that_expired_is_refused_all_the_same(desk: Certifying) -> None:
    _, administrator = await desk.open()
    pem = sm2(desk)
    desk.pass_days(1000)
    with pytest.raises(Refused) as caught:
        await registered(desk, administrator, pem)
    assert sole(caught) is RefusalCode.CERTIFICATE_EXPIRED


Deed = Callable[[Certifying, Operator, Certificate], Awaitable[None]]


async def hold_and_release(desk: Certifying, attacker: Operator, certificate: Certificate) -> None:
    await desk.certificates.hold(caller_for(attacker), certificate.id)
    await desk.certificates.release(caller_for(attacker), certificate.id)


async def report_compromise(desk: Certifying, attacker: Operator, certificate: Certificate) -> None:
    me, since = caller_for(attacker), desk.clock.time - timedelta(hours=1)
    await desk.certificates.revoke(me, certificate.id, RevocationReason.KEY_COMPROMISE, invalidity_date=since)


async def leave_be(desk: Certifying, attacker: Operator, certificate: Certificate) -> None:
    assert certificate.operator_id == attacker.id


@pytest.mark.parametrize("act", [leave_be, hold_and_release, report_compromise])
async def test_a_key_in_an_unverified_certificate_stays_its_owners(desk: Certifying, act: Deed) -> None:
    _, victim = await desk.open()
    _, attacker = await desk.open(OTHER_USCC, "ISS001")
    coming, used = make_key(), make_key()
    theirs = await desk.issue(victim, used)
    for serial, key in enumerate((coming, used), start=8):
        await act(desk, attacker, await registered(desk, attacker, forged(desk, "Anybody", key, serial)))
    assert await desk.key_store.find(facts_of(coming.public_key()).spki_sha256) is None
    assert (await desk.again(theirs)).state is CertificateState.ISSUED
    await desk.certificates.revoke(OFFICER, theirs.id, RevocationReason.AFFILIATION_CHANGED)
    assert (await desk.issue(victim, coming)).state is CertificateState.ISSUED


async def test_who_revokes_a_compromised_key_ends_no_certificate_that_only_says_it_has_it(desk: Certifying) -> None:
    _, victim = await desk.open()
    _, attacker = await desk.open(OTHER_USCC, "ISS001")
    key = make_key()
    theirs = await desk.issue(victim, key)
    saying_so = await registered(desk, attacker, forged(desk, "Anybody", key))
    done = await desk.certificates.revoke(caller_for(victim), theirs.id, RevocationReason.KEY_COMPROMISE)
    assert (await desk.again(saying_so)).version == saying_so.version
    assert done.record is not None
    assert json.loads(done.record.content)["content"]["fellWithIt"] == [], "nor is one named"


async def test_a_holder_has_few_that_nobody_verified_until_one_of_them_ends(
    desk: Certifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.certificate_registration._MOST_UNVERIFIED", 2)
    _, administrator = await desk.open(OTHER_USCC, "ISS001")
    first, _ = [await registered(desk, administrator, forged(desk, "Anybody", serial=number)) for number in (1, 2)]
    third = forged(desk, "Anybody", serial=3)
    with pytest.raises(Refused) as caught:
        await registered(desk, administrator, third)
    assert sole(caught) is RefusalCode.CERTIFICATE_UNVERIFIED_TOO_MANY
    assert (await desk.issue(administrator)).state is CertificateState.ISSUED, "one that is verified is not counted"
    await desk.certificates.revoke(OFFICER, first.id, RevocationReason.CESSATION_OF_OPERATION)
    assert (await registered(desk, administrator, third)).state is CertificateState.ISSUED


async def test_however_many_were_registered_they_end_with_their_holder_and_hide_nothing(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002")
    one = await registered(desk, administrator, sm2(desk))
    many = [
        replace(one, id=f"{one.id}{number:03d}", operator_id=clerk.id, fingerprint=f"{number:064x}")
        for number in range(150)
    ]
    await desk.certificate_store.insert_many(None, many)
    await desk.requests.request(REVIEWER, ask(clerk))
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(clerk))
    assert sole(caught) is RefusalCode.CERTIFICATE_REQUEST_PENDING
    done = await desk.operators.offboard(caller_for(administrator), clerk.id, OffboardReason.LEFT)
    assert done.record is not None
    content = json.loads(done.record.content)["content"]
    assert (len(content["certificates"]), content["moreCertificates"]) == (100, 51)
    assert await desk.certificate_store.standing_of({"operatorId": clerk.id}) == []


async def test_an_issuer_and_a_serial_number_that_nobody_verified_keep_the_true_one_out_of_nothing(
    desk: Certifying,
) -> None:
    _, victim = await desk.open()
    _, attacker = await desk.open(OTHER_USCC, "ISS001")
    await registered(desk, attacker, forged(desk, desk.outside.name))
    true = await registered(desk, victim, desk.outside.issue())
    assert true.chain_verified is ChainStatus.VERIFIED
    found = await desk.certificate_store.find_by_serial(true.issuer, true.serial_number or "")
    assert found == true


async def test_who_supersedes_has_to_be_the_same_holder_be_it_verified_or_not(desk: Certifying) -> None:
    _, victim = await desk.open()
    _, attacker = await desk.open(OTHER_USCC, "ISS001")
    theirs = await desk.issue(victim)
    given = RegistrationInput(LOGIN, attacker.id, forged(desk, "Anybody"), supersedes_id=theirs.id)
    with pytest.raises(Refused) as caught:
        await desk.registration.register(caller_for(attacker), given)
    assert sole(caught) is RefusalCode.CERTIFICATE_NOT_FOUND


async def test_the_name_of_the_authority_here_is_for_nobody_who_is_not_verified(desk: Certifying) -> None:
    _, attacker = await desk.open(OTHER_USCC, "ISS001")
    pem = rewritten(namesake(desk).issue(code="ISS001"), ECDSA, UNLISTED)
    assert parse_certificate(pem.encode()).issuer == desk.authority.issuer
    with pytest.raises(Refused) as caught:
        await registered(desk, attacker, pem)
    assert sole(caught) is RefusalCode.CERTIFICATE_ISSUER_UNKNOWN


async def test_status_is_told_of_what_was_issued_here_only(desk: Certifying) -> None:
    _, administrator = await desk.open()
    elsewhere = namesake(desk)
    desk.registration._outside = OutsideAuthorities(PRODUCTION, [elsewhere.root])
    other = await registered(desk, administrator, elsewhere.issue())
    assert (other.issuer, other.chain_verified) == (desk.authority.issuer, ChainStatus.VERIFIED)
    await desk.certificates.revoke(OFFICER, other.id, RevocationReason.CESSATION_OF_OPERATION)
    own, status = await desk.issue(administrator), status_over(desk)
    assert await status.find_certificate(own.serial_number or "") == own
    assert await status.find_certificate(other.serial_number or "") is None
    await status.follow()
    assert parse_revocation_list(status.current.data).entries == 0


def namesake(desk: Certifying) -> OutsideAuthority:
    return OutsideAuthority(desk.clock.time, subject=desk.authority.issuing.certificate.subject)
