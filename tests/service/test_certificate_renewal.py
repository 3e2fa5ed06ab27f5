"""Renewal: within its window, with a new key, past the old end; the old one serves until the new one is used."""

import asyncio
from dataclasses import replace

import pytest

from service.access import Permission
from service.certificates import (
    Certificate,
    CertificateState,
    RevocationReason,
)
from service.operators import Operator
from service.refusals import RefusalCode, Refused
from service.storage.database import Database, Session
from tests.service.certifying import Certifying, logged_in, make_csr, make_key
from tests.service.institutions import OFFICER, OTHER_USCC, caller_for, sole

pytestmark = pytest.mark.wire


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


async def renewed(desk: Certifying, administrator: Operator) -> tuple[Certificate, Certificate]:
    old = await desk.issue(administrator)
    desk.pass_days(300)
    done = await desk.requests.renew(logged_in(administrator, old), old.id, make_csr(make_key()))
    return await desk.again(old), done.subject


async def test_ones_own_renewal_waits_for_nobody_and_both_serve_until_the_new_one_is_used(desk: Certifying) -> None:
    _, administrator = await desk.open()
    old, new = await renewed(desk, administrator)
    assert new.state is CertificateState.ISSUED
    assert new.not_after > old.not_after
    assert (new.supersedes_id, old.superseded_by_id) == (old.id, new.id)
    assert await desk.certificates.obstacles_of(OFFICER, [old, new]) == [(), ()]
    assert await desk.log_in(new) == old.fingerprint
    assert (await desk.again(old)).state is CertificateState.SUPERSEDED
    assert (await desk.again(new)).first_used_at is not None
    assert await desk.log_in(new) is None
    kinds = [each.kind for each in await desk.records_of(old.id)]
    assert kinds[-1] == "certificate.superseded"


async def test_the_old_one_ends_with_the_overlap_though_the_new_is_never_used(desk: Certifying) -> None:
    _, administrator = await desk.open()
    old, _ = await renewed(desk, administrator)
    assert old.overlap_ends_at is not None
    desk.pass_days(13)
    assert await desk.use.supersede_due() == 0
    desk.pass_days(2)
    counts = await asyncio.gather(desk.use.supersede_due(), desk.use.supersede_due())
    assert sum(counts) >= 1
    assert (await desk.again(old)).state is CertificateState.SUPERSEDED
    assert [each.kind for each in await desk.records_of(old.id)].count("certificate.superseded") == 1


async def test_one_that_cannot_end_with_its_overlap_holds_up_no_other(
    desk: Certifying, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    (stuck, _), (other, _) = await renewed(desk, administrator), await renewed(desk, stranger)
    replace_one = desk.certificate_store.replace

    async def fail(session: Session, certificate: Certificate) -> Certificate:
        if certificate.id == stuck.id:
            raise RuntimeError("as it may be")
        return await replace_one(session, certificate)

    monkeypatch.setattr(desk.certificate_store, "replace", fail)
    desk.pass_days(15)
    assert await desk.use.supersede_due() == 1
    assert (await desk.again(other)).state is CertificateState.SUPERSEDED
    (told,) = [each for each in caplog.records if each.name == "service.certificate_use"]
    assert getattr(told, "certificate", None) == stuck.id


async def test_renewal_rekeys_unless_it_is_said_in_so_many_words(desk: Certifying) -> None:
    _, administrator = await desk.open()
    key = make_key()
    old = await desk.issue(administrator, key)
    desk.pass_days(300)
    caller = logged_in(administrator, old)
    with pytest.raises(Refused) as caught:
        await desk.requests.renew(caller, old.id, make_csr(key))
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_REUSED
    done = await desk.requests.renew(caller, old.id, make_csr(key), same_key=True)
    assert done.subject.spki_sha256 == old.spki_sha256


async def test_a_renewal_waits_for_its_window(desk: Certifying) -> None:
    _, administrator = await desk.open()
    old = await desk.issue(administrator)
    desk.pass_days(200)
    with pytest.raises(Refused) as caught:
        await desk.requests.renew(logged_in(administrator, old), old.id, make_csr(make_key()))
    assert sole(caught) is RefusalCode.CERTIFICATE_RENEWAL_TOO_EARLY


async def test_a_renewal_that_does_not_extend_the_end_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    old = await desk.issue(administrator)
    desk.pass_days(300)
    short = replace(desk.terms, days=30)
    desk.requests._terms = desk.issuing._terms = short
    with pytest.raises(Refused) as caught:
        await desk.requests.renew(logged_in(administrator, old), old.id, make_csr(make_key()))
    assert sole(caught) is RefusalCode.CERTIFICATE_NOT_EXTENDED


async def test_what_has_expired_or_been_renewed_is_not_renewed(desk: Certifying) -> None:
    _, administrator = await desk.open()
    old, new = await renewed(desk, administrator)
    with pytest.raises(Refused) as caught:
        await desk.requests.renew(logged_in(administrator, old), old.id, make_csr(make_key()))
    assert sole(caught) is RefusalCode.CERTIFICATE_RENEWED
    desk.pass_days(400)
    with pytest.raises(Refused) as caught:
        await desk.requests.renew(caller_for(administrator), new.id, make_csr(make_key()))
    assert sole(caught) is RefusalCode.CERTIFICATE_EXPIRED


async def test_an_administrators_renewal_for_another_waits(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002", permissions=[Permission.CERTIFICATE_REQUEST])
    old = await desk.issue(clerk)
    desk.pass_days(300)
    asked = await desk.requests.renew(caller_for(administrator), old.id, make_csr(make_key()))
    assert asked.subject.state is CertificateState.REQUESTED
    done = await desk.requests.approve(OFFICER, asked.subject.id)
    assert (await desk.again(old)).superseded_by_id == done.subject.id


async def test_a_successor_that_ends_unused_gives_the_place_back(desk: Certifying) -> None:
    _, administrator = await desk.open()
    old, new = await renewed(desk, administrator)
    await desk.certificates.revoke(OFFICER, new.id, RevocationReason.CESSATION_OF_OPERATION)
    back = await desk.again(old)
    assert (back.superseded_by_id, back.overlap_ends_at, back.state) == (None, None, CertificateState.ISSUED)
    third = await desk.requests.renew(logged_in(administrator, old), old.id, make_csr(make_key()))
    assert third.subject.state is CertificateState.ISSUED
