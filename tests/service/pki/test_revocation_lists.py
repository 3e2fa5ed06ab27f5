"""Revocation lists: what they say, that openssl reads the same, and that a large one is made at once."""

import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from service.pki.errors import CertificateError
from service.pki.parsing import parse_revocation_list
from service.pki.revocation_lists import Revocation, build_revocation_list, encode_entry, verify_revocation_list
from service.refusals import RefusalCode
from tests.service.pki.authorities import make_ceremony
from tests.service.pki.making import AT

CEREMONY = make_ceremony()
ISSUER, KEY = CEREMONY.issuing.certificate, CEREMONY.issuing.key
TOMORROW = AT + timedelta(days=1)
REASONS = [
    x509.ReasonFlags.unspecified,
    x509.ReasonFlags.key_compromise,
    x509.ReasonFlags.affiliation_changed,
    x509.ReasonFlags.superseded,
    x509.ReasonFlags.cessation_of_operation,
    x509.ReasonFlags.certificate_hold,
    x509.ReasonFlags.privilege_withdrawn,
]


def make_list(*revocations: Revocation, number: int = 1, at: datetime = AT) -> bytes:
    entries = map(encode_entry, revocations)
    return build_revocation_list(ISSUER, KEY, entries, number=number, at=at, next_update=at + timedelta(days=1))


def test_an_empty_list_is_a_list() -> None:
    facts = parse_revocation_list(make_list(number=41))
    verify_revocation_list(facts, ISSUER, AT)
    assert (facts.number, facts.entries, facts.this_update, facts.next_update) == (41, 0, AT, TOMORROW)


seconds = st.datetimes(datetime(2020, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - bounds
    lambda at: at.replace(microsecond=0)
)
revocations = st.builds(Revocation, st.integers(1, 2**159 - 1), seconds, st.sampled_from(REASONS), st.none() | seconds)


@given(st.lists(revocations, max_size=8, unique_by=lambda each: each.serial), st.integers(1, 2**100))
def test_a_list_says_what_was_put_in(listed: list[Revocation], number: int) -> None:
    facts = parse_revocation_list(make_list(*listed, number=number))
    verify_revocation_list(facts, ISSUER, AT)
    assert facts.number == number
    for each in listed:
        entry = facts.revocation_list.get_revoked_certificate_by_serial_number(each.serial)
        assert entry is not None
        assert entry.revocation_date_utc == each.revoked_at
        reasons = [found.value.reason for found in entry.extensions if isinstance(found.value, x509.CRLReason)]
        since = [f.value.invalidity_date_utc for f in entry.extensions if isinstance(f.value, x509.InvalidityDate)]
        assert reasons == [each.reason] * (each.reason is not x509.ReasonFlags.unspecified)
        assert since == [each.invalid_since] * (each.invalid_since is not None)


def test_a_list_of_another_or_overdue_is_refused() -> None:
    facts = parse_revocation_list(make_list())
    for issuer, at, reason in (
        (make_ceremony().issuing.certificate, AT, RefusalCode.CERTIFICATE_ISSUER_UNKNOWN),
        (CEREMONY.root, AT, RefusalCode.CERTIFICATE_ISSUER_UNKNOWN),
        (ISSUER, TOMORROW + timedelta(seconds=1), RefusalCode.CERTIFICATE_LIST_STALE),
    ):
        with pytest.raises(CertificateError) as caught:
            verify_revocation_list(facts, issuer, at)
        assert caught.value.reason is reason


def test_the_root_revokes_its_issuing_authority_on_a_list_of_its_own() -> None:
    entry = encode_entry(Revocation(ISSUER.serial_number, AT, x509.ReasonFlags.ca_compromise))
    der = build_revocation_list(CEREMONY.root, CEREMONY.root_key, [entry], number=1, at=AT, next_update=TOMORROW)
    verify_revocation_list(parse_revocation_list(der), CEREMONY.root, AT)


def test_a_list_of_100_000_entries_is_put_together_in_half_a_second() -> None:
    """From entries encoded before, as the service keeps them; 0.03 s on one core of a small machine."""
    first = 1 << 127
    entries = [encode_entry(Revocation(first + number, AT, x509.ReasonFlags.superseded)) for number in range(100_000)]
    started = time.process_time()
    der = build_revocation_list(ISSUER, KEY, entries, number=7, at=AT, next_update=TOMORROW)
    elapsed = time.process_time() - started
    loaded = x509.load_der_x509_crl(der)
    assert len(loaded) == 100_000
    assert loaded.get_revoked_certificate_by_serial_number(first + 99_999) is not None
    assert elapsed < 0.5


@pytest.mark.process
def test_openssl_reads_the_same_list_and_refuses_the_revoked(tmp_path: Path) -> None:
    lost, kept = CEREMONY.issue(), CEREMONY.issue()
    since = AT - timedelta(days=2)
    der = make_list(Revocation(int(lost.serial, 16), AT, x509.ReasonFlags.key_compromise, since), number=0x2A)
    (tmp_path / "list.der").write_bytes(der)
    for name, certificate in (
        ("lost", lost.certificate),
        ("kept", kept.certificate),
        ("issuing", ISSUER),
        ("root", CEREMONY.root),
    ):
        (tmp_path / name).write_bytes(certificate.public_bytes(Encoding.PEM))

    def openssl(*arguments: str) -> str:
        done = subprocess.run(["openssl", *arguments], cwd=tmp_path, check=False, capture_output=True, text=True)
        return done.stdout + done.stderr

    text = openssl("crl", "-inform", "DER", "-in", "list.der", "-noout", "-text", "-CAfile", "issuing")
    assert "verify OK" in text
    assert "Key Compromise" in text
    assert "Invalidity Date" in text
    assert "CRL Number: \n                42" in text
    openssl("crl", "-inform", "DER", "-in", "list.der", "-out", "list.pem")
    check = ["-attime", str(int(AT.timestamp()) + 60), "-crl_check", "-CRLfile", "list.pem", "-CAfile", "root"]
    assert "kept: OK" in openssl("verify", *check, "-untrusted", "issuing", "kept")
    assert "certificate revoked" in openssl("verify", *check, "-untrusted", "issuing", "lost")
