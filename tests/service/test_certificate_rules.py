"""The rules of certificates, pure: the state machine driven at random, what dates allow, when renewal opens."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service.access import OperatorRole, ParticipantKind, RegistrarRole
from service.certificate_changes import (
    CERTIFICATE_TRANSITIONS,
    CertificateCommand,
    ensure_extended,
    ensure_reason,
    ensure_renewable,
    held,
    next_state,
    reinstated,
    released,
    reported_lost,
    revoked,
    succeeded,
    superseded,
)
from service.certificates import (
    OPERATORS_REASONS,
    REGISTRARS_REASONS,
    SEATED,
    STANDING,
    Certificate,
    CertificateProfile,
    CertificateSource,
    CertificateState,
    CertificateValidity,
    HoldReason,
    Obstacle,
    RenewalStanding,
    RevocationReason,
    days_left,
    obstacles,
    renewal_window,
    validity_at,
)
from service.operators import Operator, OperatorStatus
from service.participants import Participant, ParticipantStatus
from service.pki.chain import ChainStatus
from service.refusals import RefusalCode, Refused
from service.registrars import Registrar, RegistrarStatus

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
DAY = timedelta(days=1)
ISSUED = Certificate(
    id="live-crt-1",
    version=1,
    profile=CertificateProfile.LOGIN,
    state=CertificateState.ISSUED,
    serial_number="0F55EF0F55EF0F55",
    fingerprint="ab" * 32,
    subject="CN=x",
    issuer="CN=y",
    not_before=AT,
    not_after=AT + 300 * DAY,
    participant_id="live-par-1",
    operator_id="live-op-1",
    registered_at=AT,
)
OPERATOR = Operator(
    id="live-op-1",
    version=1,
    participant_id="live-par-1",
    operator_number="000001",
    name="x",
    role=OperatorRole.OPERATOR,
    status=OperatorStatus.ACTIVE,
    registered_at=AT,
)
PARTICIPANT = Participant(
    id="live-par-1",
    version=1,
    participant_code="BRK001",
    status=ParticipantStatus.ACTIVE,
    kind=ParticipantKind.OTHER,
    legal_name="x",
    uscc="91350100M000100Y43",
    applied_at=AT,
)
REGISTRAR = Registrar(
    id="live-reg-1",
    version=1,
    number="R1",
    name="x",
    role=RegistrarRole.OFFICER,
    status=RegistrarStatus.ACTIVE,
    added_at=AT,
)


def code(caught: pytest.ExceptionInfo[Refused]) -> RefusalCode:
    return caught.value.refusals[0].code


def test_what_the_table_does_not_have_is_refused() -> None:
    for state in CertificateState:
        for command in CertificateCommand:
            if (state, command) in CERTIFICATE_TRANSITIONS:
                assert next_state(state, command) is CERTIFICATE_TRANSITIONS[state, command]
            else:
                with pytest.raises(Refused) as caught:
                    next_state(state, command)
                assert code(caught) is RefusalCode.CERTIFICATE_STATE


def test_what_has_ended_stays_ended() -> None:
    ended = set(CertificateState) - STANDING
    assert ended == {CertificateState.REVOKED, CertificateState.SUPERSEDED}
    assert {state for state, _ in CERTIFICATE_TRANSITIONS} & ended == set()


class CertificateLife(RuleBasedStateMachine):
    """Every pure rule on a certificate, in any order, against what may be said at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.certificate = ISSUED
        self.ended = False

    def do(self, change: object) -> None:
        before = self.certificate
        try:
            self.certificate = change()  # type: ignore[operator]  # a rule with its arguments
        except Refused:
            assert self.certificate is before
        self.ended = self.ended or self.certificate.state not in STANDING

    @rule(reason=st.sampled_from(HoldReason))
    def hold(self, reason: HoldReason) -> None:
        before = self.certificate
        self.do(lambda: held(self.certificate, reason, AT))
        if reason is HoldReason.EXAMINED and before.state in SEATED:
            assert self.certificate.hold_reason is reason, "no hold comes before the depository's"

    @rule(reason=st.sampled_from([HoldReason.ASKED, HoldReason.KEY_LOST]))
    def hold_again(self, reason: HoldReason) -> None:
        before = self.certificate
        self.do(lambda: held(self.certificate, reason, AT + DAY))
        if before.state is CertificateState.HELD:
            assert self.certificate is before

    @rule()
    def report_lost(self) -> None:
        self.do(lambda: reported_lost(self.certificate, AT))
        assert self.certificate.loss_reported_at is not None

    @rule()
    def release(self) -> None:
        self.do(lambda: released(self.certificate))

    @rule(reason=st.sampled_from(RevocationReason))
    def revoke(self, reason: RevocationReason) -> None:
        self.do(lambda: revoked(self.certificate, reason, AT))

    @rule()
    def supersede(self) -> None:
        self.do(lambda: superseded(self.certificate, AT))

    @rule(days=st.integers(0, 400))
    def succeed(self, days: int) -> None:
        if self.certificate.state in SEATED:
            self.do(lambda: succeeded(self.certificate, "live-crt-2", AT + days * DAY))

    @rule()
    def reinstate(self) -> None:
        if self.certificate.state in SEATED:
            self.do(lambda: reinstated(self.certificate))

    @invariant()
    def ended_is_for_ever(self) -> None:
        assert self.ended is (self.certificate.state not in STANDING)

    @invariant()
    def held_means_when_and_why(self) -> None:
        if self.certificate.state is CertificateState.HELD:
            assert None not in {self.certificate.held_at, self.certificate.hold_reason}
        if self.certificate.state is CertificateState.ISSUED:
            assert (self.certificate.held_at, self.certificate.hold_reason) == (None, None)

    @invariant()
    def lost_is_never_usable_again(self) -> None:
        assert self.certificate.loss_reported_at is None or self.certificate.state is not CertificateState.ISSUED

    @invariant()
    def revoked_means_when_and_why(self) -> None:
        is_revoked = self.certificate.state is CertificateState.REVOKED
        assert (self.certificate.revoked_at is not None) is is_revoked
        assert (self.certificate.revocation_reason is not None) is is_revoked

    @invariant()
    def only_what_stands_without_successor_has_the_seat(self) -> None:
        seated = self.certificate.state in SEATED and self.certificate.superseded_by_id is None
        assert (self.certificate.seat is not None) is seated

    @invariant()
    def no_overlap_outlives_the_certificate(self) -> None:
        ends = self.certificate.overlap_ends_at
        assert ends is None or ends <= self.certificate.not_after

    @invariant()
    def usable_is_issued_in_date_and_its_holder_active(self) -> None:
        found = obstacles(self.certificate, AT, operator=OPERATOR, participant=PARTICIPANT)
        assert (found == ()) is (self.certificate.state is CertificateState.ISSUED)


TestCertificateLife = CertificateLife.TestCase


@given(st.integers(1, 398), st.integers(-100_000_000, 100_000_000))
def test_validity_follows_the_dates_both_ends_included(days: int, offset: int) -> None:
    certificate = replace(ISSUED, not_after=AT + days * DAY)
    now = AT + timedelta(seconds=offset)
    found = validity_at(certificate, now)
    assert (found is CertificateValidity.NOT_YET_VALID) is (now < certificate.not_before)
    assert (found is CertificateValidity.EXPIRED) is (now > certificate.not_after)
    if found is CertificateValidity.EXPIRING:
        assert now - AT >= (certificate.not_after - AT) * 2 / 3 - timedelta(seconds=1)
    assert (days_left(certificate, now) < 0) is (found is CertificateValidity.EXPIRED)


def test_the_window_opens_at_two_thirds_of_the_life_and_says_why() -> None:
    for after, standing in ((199, RenewalStanding.NOT_YET), (200, RenewalStanding.OPEN), (301, RenewalStanding.ENDED)):
        window = renewal_window(ISSUED, AT + after * DAY)
        assert (window.start, window.end, window.standing) == (AT + 200 * DAY, ISSUED.not_after, standing)
        assert window.why
        assert window.why_zh
    successor = succeeded(ISSUED, "live-crt-2", AT + 250 * DAY)
    assert renewal_window(successor, AT + 240 * DAY).standing is RenewalStanding.RENEWED
    assert renewal_window(held(ISSUED, HoldReason.ASKED, AT), AT + 240 * DAY).standing is RenewalStanding.ENDED


@pytest.mark.parametrize(
    ("certificate", "after", "expected"),
    [
        (ISSUED, 100, RefusalCode.CERTIFICATE_RENEWAL_TOO_EARLY),
        (ISSUED, 301, RefusalCode.CERTIFICATE_EXPIRED),
        (held(ISSUED, HoldReason.ASKED, AT), 250, RefusalCode.CERTIFICATE_STATE),
        (succeeded(ISSUED, "live-crt-2", AT + 290 * DAY), 250, RefusalCode.CERTIFICATE_RENEWED),
        (replace(ISSUED, source=CertificateSource.OUTSIDE), 250, RefusalCode.CERTIFICATE_OF_OUTSIDE),
    ],
)
def test_a_renewal_that_cannot_be_says_why(certificate: Certificate, after: int, expected: RefusalCode) -> None:
    with pytest.raises(Refused) as caught:
        ensure_renewable(certificate, AT + after * DAY)
    assert code(caught) is expected


def test_a_renewal_within_the_window_that_extends_the_end_is_allowed() -> None:
    ensure_renewable(ISSUED, AT + 250 * DAY)
    ensure_extended(ISSUED, ISSUED.not_after + timedelta(seconds=1))
    with pytest.raises(Refused) as caught:
        ensure_extended(ISSUED, ISSUED.not_after)
    assert code(caught) is RefusalCode.CERTIFICATE_NOT_EXTENDED


def test_reasons_are_split_by_role() -> None:
    assert RevocationReason.PRIVILEGE_WITHDRAWN not in OPERATORS_REASONS
    assert RevocationReason.SUPERSEDED not in REGISTRARS_REASONS
    assert RevocationReason.KEY_COMPROMISE in OPERATORS_REASONS & REGISTRARS_REASONS
    assert ensure_reason(RevocationReason.KEY_COMPROMISE, OPERATORS_REASONS, AT, AT) is RevocationReason.KEY_COMPROMISE


def test_every_reason_why_not_is_found() -> None:
    later = AT + 301 * DAY
    frozen = replace(OPERATOR, status=OperatorStatus.FROZEN)
    gone = replace(OPERATOR, status=OperatorStatus.OFFBOARDED)
    suspended = replace(PARTICIPANT, status=ParticipantStatus.SUSPENDED)
    found = {
        *obstacles(replace(ISSUED, state=CertificateState.REQUESTED), AT - DAY, operator=frozen, participant=suspended),
        *obstacles(held(ISSUED, HoldReason.ASKED, AT), later, operator=gone, participant=PARTICIPANT),
        *obstacles(revoked(ISSUED, RevocationReason.SUPERSEDED, AT), AT),
        *obstacles(superseded(ISSUED, AT), AT, registrar=replace(REGISTRAR, status=RegistrarStatus.ENDED)),
        *obstacles(replace(ISSUED, chain_verified=ChainStatus.UNSUPPORTED_ALGORITHM), AT, registrar=REGISTRAR),
    }
    assert found == set(Obstacle)
