"""OCSP: any bytes get an answer, the right question gets the right one, and openssl agrees."""

import base64
import subprocess
import urllib.parse
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from service.pki.ocsp import (
    INTERNAL_ERROR,
    MALFORMED_REQUEST,
    MAX_REQUEST_BYTES,
    TRY_LATER,
    UNAUTHORIZED,
    Good,
    OcspRefused,
    Responder,
    Revoked,
    Status,
    Unknown,
    decode_ocsp_path,
    parse_ocsp_request,
)
from service.pki.signers import SigningKeyUnusable
from tests.service.pki.authorities import RNG, make_ceremony
from tests.service.pki.making import AT, KEY
from tests.service.pki.mutations import SEEDS, mutated

CEREMONY = make_ceremony()
ISSUER = CEREMONY.issuing.certificate
LEAF = CEREMONY.issue()
RESPONDER = Responder(ISSUER, CEREMONY.issuing.key)
LATER = AT + timedelta(hours=1)


def make_question(digest: hashes.HashAlgorithm, nonce: bytes | None = None, issuer: x509.Certificate = ISSUER) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(LEAF.certificate, issuer, digest)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


PLAIN = make_question(hashes.SHA1())  # what clients send; it names an issuer and protects nothing


def answered(request: bytes, status: Status, responder: Responder = RESPONDER) -> ocsp.OCSPResponse:
    question = parse_ocsp_request(request)
    return ocsp.load_der_ocsp_response(responder.answer(question, status, at=AT, next_update=LATER))


@pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_a_good_certificate_is_good_whatever_digest_names_its_issuer(digest: hashes.HashAlgorithm) -> None:
    answer = answered(make_question(digest), Good())
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert answer.serial_number == int(LEAF.serial, 16)
    assert (answer.this_update_utc, answer.next_update_utc) == (AT, LATER)
    assert isinstance(answer.hash_algorithm, type(digest))
    public = ISSUER.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))


def test_revocation_is_told_with_time_and_reason() -> None:
    answer = answered(PLAIN, Revoked(AT - timedelta(days=1), x509.ReasonFlags.key_compromise))
    assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert answer.revocation_time_utc == AT - timedelta(days=1)
    assert answer.revocation_reason is x509.ReasonFlags.key_compromise
    assert answered(PLAIN, Revoked(AT)).revocation_reason is None


def test_what_was_never_issued_is_unknown() -> None:
    assert answered(PLAIN, Unknown()).certificate_status is ocsp.OCSPCertStatus.UNKNOWN


@pytest.mark.parametrize("octets", [1, 16, 32, 128])
def test_a_nonce_comes_back(octets: int) -> None:
    nonce = RNG(octets)
    answer = answered(make_question(hashes.SHA256(), nonce), Good())
    assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce


@pytest.mark.parametrize("octets", [0, 129])
def test_a_nonce_of_another_length_is_malformed(octets: int) -> None:
    assert refused(make_question(hashes.SHA256(), bytes(octets))) == MALFORMED_REQUEST


def test_another_authority_s_certificates_are_not_answered_for() -> None:
    question = parse_ocsp_request(make_question(hashes.SHA256(), issuer=make_ceremony().issuing.certificate))
    with pytest.raises(OcspRefused) as caught:
        RESPONDER.answer(question, Good(), at=AT, next_update=LATER)
    assert caught.value.answer == UNAUTHORIZED


def test_the_answers_without_a_status_are_what_they_are_named() -> None:
    named = {
        MALFORMED_REQUEST: ocsp.OCSPResponseStatus.MALFORMED_REQUEST,
        UNAUTHORIZED: ocsp.OCSPResponseStatus.UNAUTHORIZED,
        TRY_LATER: ocsp.OCSPResponseStatus.TRY_LATER,
        INTERNAL_ERROR: ocsp.OCSPResponseStatus.INTERNAL_ERROR,
    }
    for der, status in named.items():
        assert ocsp.load_der_ocsp_response(der).response_status is status


def refused(data: bytes) -> bytes:
    with pytest.raises(OcspRefused) as caught:
        parse_ocsp_request(data)
    return caught.value.answer


@settings(max_examples=2_500, deadline=2_000)
@given(SEEDS, st.sampled_from([PLAIN, make_question(hashes.SHA512(), bytes(32))]))
def test_a_mutated_request_gets_an_answer(seed: int, original: bytes) -> None:
    try:
        question = parse_ocsp_request(mutated(seed, original))
        der = RESPONDER.answer(question, Good(), at=AT, next_update=LATER)
    except OcspRefused as refusal:
        der = refusal.answer
    assert ocsp.load_der_ocsp_response(der)


@given(st.binary(max_size=64))
def test_any_bytes_are_malformed(data: bytes) -> None:
    assert refused(data) == MALFORMED_REQUEST


def test_a_serial_that_no_certificate_has_is_malformed() -> None:
    number = int(LEAF.serial, 16)
    serial = number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
    negative = PLAIN.replace(serial, b"\x80" + serial[1:])
    assert ocsp.load_der_ocsp_request(negative).serial_number < 0
    assert refused(negative) == MALFORMED_REQUEST


def test_a_request_that_is_too_large_is_not_read() -> None:
    assert refused(b"\x30" * (MAX_REQUEST_BYTES + 1)) == MALFORMED_REQUEST


def test_a_get_carries_the_request_in_its_path() -> None:
    text = base64.b64encode(PLAIN).decode()
    assert decode_ocsp_path(urllib.parse.quote(text, safe="")) == PLAIN
    assert decode_ocsp_path(text) == PLAIN


@given(st.text(max_size=60))
def test_any_path_is_decoded_or_refused(path: str) -> None:
    try:
        assert isinstance(decode_ocsp_path(path), bytes)
    except OcspRefused as refusal:
        assert refusal.answer == MALFORMED_REQUEST  # noqa: PT017 - either outcome is right


def test_a_delegated_responder_brings_its_certificate() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    delegate = CEREMONY.issuing.new_ocsp_responder(key.public_key(), at=AT, rng=RNG)
    answer = answered(PLAIN, Good(), Responder(ISSUER, key, delegate))
    assert answer.certificates == [delegate]
    assert delegate.extensions.get_extension_for_class(x509.OCSPNoCheck)


def test_nobody_else_answers() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    elsewhere = make_ceremony().issuing.new_ocsp_responder(key.public_key(), at=AT, rng=RNG)
    for signer, delegate in ((key, None), (key, elsewhere), (key, LEAF.certificate)):
        with pytest.raises(SigningKeyUnusable):
            Responder(ISSUER, signer, delegate)
    with pytest.raises(SigningKeyUnusable):
        Responder(ISSUER, KEY, LEAF.certificate)


@pytest.mark.process
@pytest.mark.parametrize("delegated", [False, True])
@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Good(), "leaf: good"),
        (Revoked(AT, x509.ReasonFlags.superseded), "Reason: superseded"),
        (Unknown(), "leaf: unknown"),
    ],
)
def test_openssl_reads_the_same_answer(status: Status, word: str, delegated: bool, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    delegate = CEREMONY.issuing.new_ocsp_responder(key.public_key(), at=AT, rng=RNG)
    responder = Responder(ISSUER, key, delegate) if delegated else RESPONDER
    for name, certificate in (("leaf", LEAF.certificate), ("issuing", ISSUER), ("root", CEREMONY.root)):
        (tmp_path / name).write_bytes(certificate.public_bytes(Encoding.PEM))

    def openssl(*arguments: str) -> str:
        command = ["openssl", "ocsp", "-issuer", "issuing", "-cert", "leaf", *arguments]
        done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
        return done.stdout + done.stderr

    openssl("-reqout", "request.der")
    question = parse_ocsp_request((tmp_path / "request.der").read_bytes())
    assert question.nonce
    (tmp_path / "answer.der").write_bytes(responder.answer(question, status, at=AT, next_update=LATER))
    told = openssl(
        "-no_nonce", "-respin", "answer.der", "-CAfile", "root", "-verify_other", "issuing",
        "-attime", str(int(AT.timestamp()) + 60), "-validity_period", "9999999999",
    )  # fmt: skip
    assert "Response verify OK" in told
    assert word in told
