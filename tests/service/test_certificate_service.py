"""What befalls certificates, and how they are found."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from service.access import Caller, CallerKind, OperatorRole, Permission
from service.certificate_keys import BlockReason
from service.certificates import (
    CertificateState,
    CertificateValidity,
    HoldReason,
    Obstacle,
    RevocationReason,
)
from service.errors import Forbidden
from service.operators import OffboardReason
from service.pagination import BY_ID, PageRequest
from service.refusals import RefusalCode, Refused
from service.storage.certificates import BY_EXPIRY, CertificateFilter
from service.storage.database import Database
from tests.explain import recorded_queries
from tests.service.certifying import LOGIN, SEAL, Certifying, ask, logged_in, make_csr, make_key
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, caller_for, sole

pytestmark = pytest.mark.wire


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


async def test_a_loss_is_reported_by_anybody_and_holds_at_once(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002", permissions=[Permission.CERTIFICATE_REQUEST])
    certificate = await desk.issue(clerk)
    bare = replace(caller_for(clerk), permissions=frozenset())
    done = await desk.certificates.report_lost(bare, certificate.id)
    assert (done.subject.state, done.subject.hold_reason) == (CertificateState.HELD, HoldReason.KEY_LOST)
    assert done.record is not None
    again = await desk.certificates.report_lost(bare, certificate.id)
    assert (again.subject.version, again.record) == (done.subject.version, None)


async def test_what_the_depository_holds_it_alone_releases(desk: Certifying) -> None:
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    await desk.certificates.hold(OFFICER, certificate.id)
    with pytest.raises(Refused) as caught:
        await desk.certificates.release(caller_for(administrator), certificate.id)
    assert sole(caught) is RefusalCode.DEPOSITORY_DECIDES
    done = await desk.certificates.release(OFFICER, certificate.id)
    assert (done.subject.state, done.subject.hold_reason, done.subject.held_at) == (CertificateState.ISSUED, None, None)


async def test_no_hold_of_the_participants_comes_before_the_depositorys(desk: Certifying) -> None:
    _, administrator = await desk.open()
    me, asked = caller_for(administrator), await desk.issue(administrator)
    lost = await desk.issue(administrator, profile=SEAL)
    asked = (await desk.certificates.hold(me, asked.id)).subject
    lost = (await desk.certificates.report_lost(me, lost.id)).subject
    desk.pass_days(1)
    for each in (asked, lost):
        done = await desk.certificates.hold(OFFICER, each.id)
        assert (done.subject.state, done.subject.hold_reason) == (CertificateState.HELD, HoldReason.EXAMINED)
        assert done.subject.held_at == each.held_at, "it is not usable since it was held first"
        with pytest.raises(Refused) as caught:
            await desk.certificates.release(me, each.id)
        assert sole(caught) is RefusalCode.DEPOSITORY_DECIDES
        with pytest.raises(Refused) as caught:
            await desk.certificates.hold(OFFICER, each.id)
        assert sole(caught) is RefusalCode.CERTIFICATE_STATE
    assert (await desk.certificates.release(OFFICER, asked.id)).subject.state is CertificateState.ISSUED
    with pytest.raises(Refused) as caught:
        await desk.certificates.release(OFFICER, lost.id)
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_LOST


@pytest.mark.parametrize(
    ("by", "reason"), [(None, HoldReason.KEY_LOST), (OFFICER, HoldReason.EXAMINED)], ids=["participant", "depository"]
)
async def test_a_loss_is_known_of_what_was_held_before_and_nobody_releases_it(
    desk: Certifying, by: Caller | None, reason: HoldReason
) -> None:
    _, administrator = await desk.open()
    me, certificate = caller_for(administrator), await desk.issue(administrator)
    since = (await desk.certificates.hold(by or me, certificate.id)).subject.held_at
    desk.pass_days(1)
    done = await desk.certificates.report_lost(me, certificate.id)
    assert done.record is not None
    assert done.record.kind == "certificate.key_lost"
    assert (done.subject.held_at, done.subject.hold_reason) == (since, reason)
    assert done.subject.loss_reported_at is not None
    with pytest.raises(Refused) as caught:
        await desk.certificates.release(OFFICER, certificate.id)
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_LOST
    assert (await desk.certificates.report_lost(me, certificate.id)).record is None


async def test_a_request_whose_key_is_lost_comes_to_nothing_and_the_next_need_not_wait(desk: Certifying) -> None:
    _, administrator = await desk.open()
    asked = (await desk.requests.request(REVIEWER, ask(administrator))).subject
    lost = (await desk.certificates.report_lost(caller_for(administrator), asked.id)).subject
    assert (lost.state, lost.loss_reported_at is not None) == (CertificateState.REVOKED, True)
    assert (await desk.issue(administrator)).state is CertificateState.ISSUED


async def test_a_revoked_one_is_not_released(desk: Certifying) -> None:
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    await desk.certificates.revoke(OFFICER, certificate.id, RevocationReason.PRIVILEGE_WITHDRAWN)
    for act in (desk.certificates.release, desk.certificates.hold):
        with pytest.raises(Refused) as caught:
            await act(OFFICER, certificate.id)
        assert sole(caught) is RefusalCode.CERTIFICATE_STATE


async def test_to_revoke_takes_a_reason_that_the_role_may_give(desk: Certifying) -> None:
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    for caller, reason, code in (
        (OFFICER, None, RefusalCode.REVOCATION_REASON_MISSING),
        (OFFICER, RevocationReason.SUPERSEDED, RefusalCode.REVOCATION_REASON_NOT_YOURS),
        (caller_for(administrator), RevocationReason.PRIVILEGE_WITHDRAWN, RefusalCode.REVOCATION_REASON_NOT_YOURS),
    ):
        with pytest.raises(Refused) as caught:
            await desk.certificates.revoke(caller, certificate.id, reason)
        assert sole(caught) is code


async def test_an_invalidity_date_goes_with_a_compromised_key_and_is_past(desk: Certifying) -> None:
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    now = desk.clock.time
    for reason, date in (
        (RevocationReason.CESSATION_OF_OPERATION, now - timedelta(days=1)),
        (RevocationReason.KEY_COMPROMISE, now + timedelta(days=1)),
    ):
        with pytest.raises(Refused) as caught:
            await desk.certificates.revoke(OFFICER, certificate.id, reason, invalidity_date=date)
        assert sole(caught) is RefusalCode.INVALIDITY_DATE_WRONG


async def test_a_compromised_key_takes_everything_with_it(desk: Certifying) -> None:
    _, administrator = await desk.open()
    key = make_key()
    old = await desk.issue(administrator, key)
    desk.pass_days(300)
    caller = logged_in(administrator, old)
    new = (await desk.requests.renew(caller, old.id, make_csr(key), same_key=True)).subject
    desk.pass_days(1)
    lost_at = desk.clock.time
    desk.pass_days(3)
    clerk = (await desk.register_as(caller, administrator, "000002")).subject
    done = await desk.certificates.revoke(
        OFFICER, new.id, RevocationReason.KEY_COMPROMISE, invalidity_date=lost_at, key="once"
    )
    fallen = await desk.again(old)
    assert {done.subject.state, fallen.state} == {CertificateState.REVOKED}
    assert {done.subject.revocation_reason, fallen.revocation_reason} == {"keyCompromise"}
    assert done.subject.invalidity_date == fallen.invalidity_date == lost_at
    blocked = await desk.key_store.find(new.spki_sha256)
    assert blocked is not None
    assert (blocked.block_reason, blocked.invalid_since) == (BlockReason.COMPROMISED, lost_at)
    operator = await desk.operator_store.find(administrator.id)
    assert operator is not None
    assert operator.sessions_end_at == done.subject.revoked_at
    acted = await desk.certificates.acted_since(OFFICER, fallen, PageRequest(BY_ID, 10))
    assert [(each.kind, each.subject) for each in acted.items] == [("operator.registered", clerk.id)]


async def test_who_may_revoke_a_compromised_key_need_not_be_one_who_reads_records(
    desk: Certifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.certificate_service._MOST_COUNTED", 2)
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    for number in range(2, 5):
        await desk.register_as(logged_in(administrator, certificate), administrator, f"{number:06d}")
    manager = replace(caller_for(administrator), permissions=frozenset({Permission.CERTIFICATE_MANAGE}))
    done = await desk.certificates.revoke(manager, certificate.id, RevocationReason.KEY_COMPROMISE)
    assert done.subject.state is CertificateState.REVOKED
    assert done.record is not None
    assert json.loads(done.record.content)["content"]["actedSince"] == 2, "three acted: it is not counted for ever"


async def test_certificates_end_with_their_operator_on_the_list_too(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002", permissions=[Permission.CERTIFICATE_REQUEST])
    certificate = await desk.issue(clerk)
    await desk.operators.offboard(caller_for(administrator), clerk.id, OffboardReason.LEFT)
    ended = await desk.again(certificate)
    assert (ended.state, ended.revocation_reason) == (CertificateState.REVOKED, "affiliationChanged")
    store = desk.certificate_store._revocations
    (batch,) = [each async for each in store.since(certificate.issuer, 0)]
    assert [(each.serial_number, each.entry is not None) for each in batch] == [(certificate.serial_number, True)]


async def test_a_request_can_be_withdrawn_and_is_on_no_list(desk: Certifying) -> None:
    _, administrator = await desk.open()
    asked = (await desk.requests.request(REVIEWER, ask(administrator))).subject
    await desk.certificates.revoke(OFFICER, asked.id, RevocationReason.CESSATION_OF_OPERATION)
    assert [each async for each in desk.certificate_store._revocations.since(asked.issuer, 0)] == []
    assert (await desk.issue(administrator)).state is CertificateState.ISSUED


async def test_an_auditor_holds_and_revokes_nothing(desk: Certifying) -> None:
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    auditor = Caller(CallerKind.OPERATOR, "live-op-x", administrator.participant_id, OperatorRole.AUDITOR)
    for act in (desk.certificates.hold, desk.certificates.release):
        with pytest.raises(Forbidden):
            await act(auditor, certificate.id)


async def test_every_reason_why_not_is_told(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002", permissions=[Permission.CERTIFICATE_REQUEST])
    certificate = await desk.issue(clerk)
    await desk.certificates.hold(OFFICER, certificate.id)
    await desk.operators.freeze(caller_for(administrator), clerk.id)
    desk.pass_days(400)
    found = await desk.certificates.obstacles_of(OFFICER, [await desk.again(certificate)])
    assert found == [(Obstacle.HELD, Obstacle.EXPIRED, Obstacle.OPERATOR_FROZEN)]


async def test_certificates_are_found_by_all_that_people_know_of_them(desk: Certifying) -> None:
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    first = await desk.issue(administrator)
    desk.pass_days(260)
    second = await desk.issue(stranger, profile=SEAL)
    now = desk.clock.time
    for wanted, found in (
        (CertificateFilter(), [first, second]),
        (CertificateFilter(participant_id=administrator.participant_id), [first]),
        (CertificateFilter(operator_id=stranger.id), [second]),
        (CertificateFilter(profile=SEAL), [second]),
        (CertificateFilter(state=CertificateState.ISSUED), [first, second]),
        (CertificateFilter(state=CertificateState.REVOKED), []),
        (CertificateFilter(validity=CertificateValidity.EXPIRING), [first]),
        (CertificateFilter(validity=CertificateValidity.VALID), [second]),
        (CertificateFilter(validity=CertificateValidity.EXPIRED), []),
        (CertificateFilter(validity=CertificateValidity.NOT_YET_VALID), []),
        (CertificateFilter(issuer=first.issuer), [first, second]),
        (CertificateFilter(fingerprint=first.fingerprint), [first]),
        (CertificateFilter(serial_number=second.serial_number), [second]),
        (CertificateFilter(expires_from=now, expires_before=now + timedelta(days=120)), [first]),
    ):
        for order in (BY_ID, BY_EXPIRY):
            page = await desk.certificates.page(OFFICER, wanted, PageRequest(order, 10))
            assert [each.id for each in page.items] == [each.id for each in found], wanted
        assert await desk.certificates.count(OFFICER, wanted) == len(found)


FILTERS = [
    CertificateFilter(),
    CertificateFilter(participant_id="live-par-1"),
    CertificateFilter(operator_id="live-op-1"),
    CertificateFilter(registrar_id="live-reg-1"),
    CertificateFilter(profile=SEAL),
    CertificateFilter(state=CertificateState.HELD),
    CertificateFilter(issuer="CN=x"),
    CertificateFilter(serial_number="AB"),
    CertificateFilter(fingerprint="ab" * 32),
    CertificateFilter(validity=CertificateValidity.EXPIRED),
]
"""Of the validities the one whose dates the stand-in's router can follow; the others are bounded by `notAfter` too."""


async def test_an_index_serves_every_query(desk: Certifying, wire_uri: str) -> None:
    async with recorded_queries(wire_uri, desk.database) as queries:
        other = Certifying(queries.database)
        now = desk.clock.time
        for wanted in FILTERS[1:]:  # everything, in the order of ids, is the collection as it lies
            await other.certificates.page(OFFICER, wanted, PageRequest(BY_EXPIRY, 10))
            await other.certificates.page(OFFICER, wanted, PageRequest(BY_ID, 10))
        store = other.certificate_store
        await store.find_by_fingerprint("ab" * 32)
        await store.find_by_serial("CN=x", "AB")
        await store.find_seated("live-op-1", LOGIN)
        await store.standing_of({"operatorId": "live-op-1"})
        await store.standing_of({"registrarId": "live-reg-1"})
        await store.requested_of({"operatorId": "live-op-1"})
        await store.requested_of({"registrarId": "live-reg-1"})
        await store.of_key("ab" * 32)
        await store.standing_on("live-key-1", "live-par-1")
        await store.requested("", 10)
        await store.overlaps_due(now)
        await store.overlaps_due(now, "live-par-1")
        await queries.assert_indexed(sorted_in_memory=True)
