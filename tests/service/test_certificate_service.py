"""Certificates over the wire: what is asked for, by whom, how it comes about and how it ends."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.access import SYSTEM, Caller, CallerKind, OperatorRole, Permission
from service.authority import Authority
from service.certificate_issuing import Outcome
from service.certificate_keys import BlockReason
from service.certificate_requests import RequestInput
from service.certificates import (
    Certificate,
    CertificateState,
    CertificateValidity,
    HoldReason,
    Obstacle,
    RevocationReason,
)
from service.errors import Forbidden
from service.operators import OffboardReason, Operator
from service.pagination import BY_ID, PageRequest
from service.pki.authority import Intent
from service.pki.parsing import CertificateFacts, parse_certificate
from service.pki.signers import SigningKeyUnusable
from service.refusals import RefusalCode, Refused
from service.storage.certificates import BY_EXPIRY, CertificateFilter
from service.storage.database import Database
from tests.explain import recorded_queries
from tests.service.certifying import LOGIN, SEAL, Certifying, Key, make_csr, make_key
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, SECOND_OFFICER, caller_for

pytestmark = pytest.mark.wire


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


def sole(caught: pytest.ExceptionInfo[Refused]) -> RefusalCode:
    (refusal,) = caught.value.refusals
    assert refusal.message
    assert refusal.message_zh
    return refusal.code


def ask(operator: Operator, key: Key | None = None, **changes: object) -> RequestInput:
    plain = RequestInput(LOGIN, make_csr(key or make_key()), operator_id=operator.id)
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields by name


def logged_in(operator: Operator, certificate: Certificate) -> Caller:
    return replace(caller_for(operator), certificate=certificate.fingerprint)


# how a certificate comes about


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


# keys


async def test_a_private_key_that_is_pasted_is_refused_and_kept_nowhere(
    desk: Certifying, caplog: pytest.LogCaptureFixture
) -> None:
    _, administrator = await desk.open()
    key = make_key()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for pasted in (pem, make_csr(key) + pem):
        with pytest.raises(Refused) as caught:
            await desk.requests.request(REVIEWER, ask(administrator, request=pasted))
        assert sole(caught) is RefusalCode.CERTIFICATE_PRIVATE_KEY_PASTED
        assert caught.value.refusals[0].field == ("request",)
        secret = pem.splitlines()[1]
        assert secret not in str(caught.value)
        assert secret not in caplog.text
        assert secret not in repr(ask(administrator, request=pasted))
    assert await desk.certificates.count(OFFICER, CertificateFilter()) == 0


async def test_a_request_that_does_not_prove_possession_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    good = make_csr(make_key())
    lines = good.splitlines()
    spoilt = lines[-2][:-8] + ("AAAA" if lines[-2][-8:-4] != "AAAA" else "BBBB") + lines[-2][-4:]
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator, request="\n".join([*lines[:-2], spoilt, lines[-1]])))
    assert sole(caught) in {
        RefusalCode.CERTIFICATE_POSSESSION_UNPROVEN, RefusalCode.CERTIFICATE_REQUEST_MALFORMED,
    }  # fmt: skip


async def test_a_small_key_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    small = rsa.generate_private_key(65537, 1024)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator, small))  # type: ignore[arg-type]  # on purpose
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_NOT_ALLOWED


async def test_a_login_key_is_not_a_seal_key(desk: Certifying) -> None:
    _, administrator = await desk.open()
    key = make_key()
    await desk.issue(administrator, key)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator, key, profile=SEAL))
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_OF_OTHER_PROFILE


async def test_a_key_known_under_another_holder_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    key = make_key()
    await desk.issue(administrator, key)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(stranger, key))
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_OF_ANOTHER


async def test_two_holders_who_claim_one_key_at_once_do_not_both_get_it(desk: Certifying) -> None:
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    key = make_key()
    answers = await asyncio.gather(
        desk.requests.request(REVIEWER, ask(administrator, key)),
        desk.requests.request(REVIEWER, ask(stranger, key)),
        return_exceptions=True,
    )
    assert len([each for each in answers if isinstance(each, BaseException)]) == 1


async def test_a_blocked_key_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    key = make_key()
    certificate = await desk.issue(administrator, key)
    await desk.certificates.revoke(OFFICER, certificate.id, RevocationReason.KEY_COMPROMISE)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator, key))
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_BLOCKED


# one usable certificate


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


# renewal


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


# held, released, revoked, lost


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


# crashes


class Dying(Authority):
    """An authority whose signature is lost: the process dies, or the token does not answer."""

    def __init__(self, desk: Certifying, error: Exception) -> None:
        super().__init__(desk.ceremony.issuing, desk.ceremony.root, desk.ceremony.pins)
        self.error = error

    async def sign(self, intent: Intent) -> CertificateFacts:
        raise self.error


async def test_what_a_crash_left_between_intent_and_certificate_is_finished(desk: Certifying) -> None:
    _, administrator = await desk.open()
    asked = (await desk.requests.request(REVIEWER, ask(administrator))).subject
    whole, desk.issuing._authority = desk.issuing._authority, Dying(desk, ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await desk.requests.approve(OFFICER, asked.id)
    left = await desk.again(asked)
    assert left.state is CertificateState.REQUESTED
    assert left.intent is not None
    desk.issuing._authority = whole
    (found,) = await desk.issuing.finish_interrupted()
    assert (found.certificate_id, found.outcome) == (asked.id, Outcome.FINISHED)
    finished = await desk.again(asked)
    assert finished.state is CertificateState.ISSUED
    assert finished.serial_number == left.intent.serial_number
    assert await desk.issuing.finish_interrupted() == []


async def test_a_token_that_does_not_answer_leaves_the_intent_waiting(desk: Certifying) -> None:
    _, administrator = await desk.open()
    asked = (await desk.requests.request(REVIEWER, ask(administrator))).subject
    desk.issuing._authority = Dying(desk, SigningKeyUnusable("away"))
    with pytest.raises(SigningKeyUnusable):
        await desk.requests.approve(OFFICER, asked.id)
    (found,) = await desk.issuing.finish_interrupted()
    assert found.outcome is Outcome.WAITING


async def test_an_intent_whose_key_was_blocked_meanwhile_is_abandoned(desk: Certifying) -> None:
    _, administrator = await desk.open()
    asked = (await desk.requests.request(REVIEWER, ask(administrator))).subject
    whole, desk.issuing._authority = desk.issuing._authority, Dying(desk, ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await desk.requests.approve(OFFICER, asked.id)
    await desk.database.transaction(
        lambda session: desk.key_store.block(session, asked.spki_sha256, BlockReason.COMPROMISED, desk.clock.time)
    )
    desk.issuing._authority = whole
    (found,) = await desk.issuing.finish_interrupted()
    assert found.outcome is Outcome.ABANDONED
    left = await desk.again(asked)
    assert (left.state, left.intent, left.approved_by) == (CertificateState.REQUESTED, None, None)
    assert "certificate.abandoned" in [each.kind for each in await desk.records_of(asked.id)]


# reading


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
        await store.of_key("ab" * 32)
        await store.requested("", 10)
        await store.overlaps_due(now, 10)
        await queries.assert_indexed(sorted_in_memory=True)
