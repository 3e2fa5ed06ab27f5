"""Who is let in: looked at again at every request, so that what has ended ends the session too."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service import participants
from service.access import CallerKind, OperatorRole, Permission, RegistrarRole
from service.certificates import Certificate, CertificateProfile, CertificateState
from service.errors import Unauthenticated
from service.logins import Holder, caller_of
from service.operators import Operator, OperatorStatus
from service.participants import ParticipantStatus
from service.registrars import Registrar, RegistrarStatus
from tests.service.lives import CLERK, PENDING, SANCTION

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
CERTIFICATE = Certificate(
    id="live-crt-1",
    version=1,
    profile=CertificateProfile.LOGIN,
    state=CertificateState.ISSUED,
    serial_number="01",
    fingerprint="ab" * 32,
    subject="CN=test",
    issuer="CN=issuer",
    not_before=NOW - timedelta(days=1),
    not_after=NOW + timedelta(days=1),
    pem="",
    registered_at=NOW,
)
ACTIVE = replace(PENDING, status=ParticipantStatus.ACTIVE)
HOLDER = Holder(CERTIFICATE, CLERK, ACTIVE)
REGISTRAR = Registrar(
    id="live-reg-1",
    version=1,
    number="R1",
    name="Officer",
    role=RegistrarRole.OFFICER,
    status=RegistrarStatus.ACTIVE,
    added_at=NOW,
)


def with_operator(**changes: object) -> Holder:
    operator: Operator = replace(CLERK, **changes)  # type: ignore[arg-type]  # fields by name
    return replace(HOLDER, operator=operator)


def with_certificate(**changes: object) -> Holder:
    certificate: Certificate = replace(CERTIFICATE, **changes)  # type: ignore[arg-type]  # fields by name
    return replace(HOLDER, certificate=certificate)


def test_the_caller_is_the_operator_of_its_participant_with_its_own_permissions() -> None:
    caller = caller_of(HOLDER, NOW)
    assert (caller.kind, caller.id, caller.participant_id) == (CallerKind.OPERATOR, CLERK.id, ACTIVE.id)
    assert (caller.role, caller.certificate) == (OperatorRole.OPERATOR, CERTIFICATE.fingerprint)
    assert caller.permissions == {Permission.NOTICE_READ, Permission.SMS_SUBSCRIBE}


def test_a_registrar_has_a_role_and_no_participant() -> None:
    caller = caller_of(Holder(CERTIFICATE, registrar=REGISTRAR), NOW)
    assert (caller.kind, caller.role, caller.participant_id) == (CallerKind.REGISTRAR, RegistrarRole.OFFICER, None)


def test_who_asked_to_close_is_let_in_until_it_is_closed() -> None:
    closing = replace(ACTIVE, status=ParticipantStatus.CLOSING)
    assert caller_of(replace(HOLDER, participant=closing), NOW).id == CLERK.id


def test_who_asked_to_close_while_suspended_or_is_suspended_meanwhile_is_not_let_in() -> None:
    closing = participants.asked_to_close(participants.suspended(ACTIVE, SANCTION))
    assert closing.status is ParticipantStatus.CLOSING
    later = participants.suspended(participants.asked_to_close(ACTIVE), SANCTION)
    for each in (closing, later):
        with pytest.raises(Unauthenticated, match="SUSPENDED"):
            caller_of(replace(HOLDER, participant=each), NOW)
        assert caller_of(replace(HOLDER, participant=participants.resumed(each)), NOW).id == CLERK.id


@pytest.mark.parametrize(
    "holder",
    [
        *(with_certificate(state=state) for state in CertificateState if state is not CertificateState.ISSUED),
        with_certificate(profile=CertificateProfile.SEAL),
        with_certificate(not_after=NOW - timedelta(seconds=1)),
        with_certificate(not_before=NOW + timedelta(seconds=1)),
        with_operator(status=OperatorStatus.FROZEN),
        with_operator(status=OperatorStatus.OFFBOARDED),
        *(
            replace(HOLDER, participant=replace(ACTIVE, status=status))
            for status in ParticipantStatus
            if status not in {ParticipantStatus.ACTIVE, ParticipantStatus.CLOSING}
        ),
        replace(HOLDER, operator=None),
        replace(HOLDER, participant=None),
        Holder(CERTIFICATE),
        Holder(CERTIFICATE, registrar=replace(REGISTRAR, status=RegistrarStatus.ENDED)),
    ],
)
def test_whatever_has_ended_lets_nobody_in(holder: Holder) -> None:
    with pytest.raises(Unauthenticated):
        caller_of(holder, NOW)


@pytest.mark.parametrize(("seconds", "lives"), [(-1, False), (0, False), (1, True)])
def test_a_token_of_before_the_sessions_ended_is_void(*, seconds: int, lives: bool) -> None:
    holder = with_operator(sessions_end_at=NOW)
    issued_at = NOW + timedelta(seconds=seconds)
    if lives:
        assert caller_of(holder, NOW, issued_at).id == CLERK.id
    else:
        with pytest.raises(Unauthenticated):
            caller_of(holder, NOW, issued_at)
