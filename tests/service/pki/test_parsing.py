"""Foreign bytes become facts or a CertificateError, whatever they are."""

import base64
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from service.pki.errors import CertificateError, refusing
from service.pki.keys import read_key
from service.pki.parsing import (
    MAX_CERTIFICATE_BYTES,
    format_serial,
    parse_certificate,
    parse_request,
    parse_revocation_list,
    parse_serial,
)
from service.refusals import RefusalCode
from tests.service.pki.making import (
    AT,
    KEY,
    make_certificate,
    make_name,
    make_nasty_certificates,
    make_nasty_lists,
    make_nasty_requests,
    make_request,
    make_revocation_list,
)
from tests.service.pki.mutations import SEEDS, mutated

PARSEABLE = {"year 2050", "year 9999", "100 names", "NUL in a name", "empty subject"}
NASTY = make_nasty_certificates()
NASTY_REQUESTS, NASTY_LISTS = make_nasty_requests(), make_nasty_lists()
NASTY_SPKI = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
URN = "urn:prop:sandbox:participant:SBX001:operator:0001"
PLAIN = make_certificate(
    extensions=[
        x509.SubjectAlternativeName([x509.UniformResourceIdentifier(URN), x509.DNSName("a.example")]),
        x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]),
        x509.SubjectKeyIdentifier.from_public_key(KEY.public_key()),
    ]
).public_bytes(Encoding.DER)


def reason_of(parse: Callable[[bytes], object], data: bytes) -> RefusalCode:
    with pytest.raises(CertificateError) as caught:
        parse(data)
    return caught.value.reason


def test_a_certificate_is_told_as_facts() -> None:
    facts = parse_certificate(PLAIN)
    assert facts.serial == "F55EF"
    assert facts.subject == facts.issuer == "CN=nobody,C=CN"
    assert facts.not_before == AT
    assert facts.not_after.tzinfo is UTC
    assert facts.fingerprint == x509.load_der_x509_certificate(PLAIN).fingerprint(hashes.SHA256()).hex()
    assert facts.key.name == "EC secp256r1"
    assert facts.signature_algorithm == "ECDSA-SHA256"
    assert facts.alternative_names == (f"URI:{URN}", "DNS:a.example")
    assert facts.extended_key_usages == ("1.3.6.1.5.5.7.3.2",)
    assert not facts.is_authority
    assert facts.unverifiable is None


def test_pem_and_der_give_the_same_facts() -> None:
    pem = x509.load_der_x509_certificate(PLAIN).public_bytes(Encoding.PEM)
    assert parse_certificate(pem) == parse_certificate(PLAIN)
    assert parse_certificate(b"subject=CN = nobody\r\n" + pem.replace(b"\n", b"\r\n")) == parse_certificate(PLAIN)


def test_two_certificates_are_one_too_many() -> None:
    pem = x509.load_der_x509_certificate(PLAIN).public_bytes(Encoding.PEM)
    assert reason_of(parse_certificate, pem + pem) is RefusalCode.CERTIFICATE_INPUT_NOT_ONE


def test_a_request_is_not_a_certificate() -> None:
    pem = x509.load_der_x509_csr(make_request()).public_bytes(Encoding.PEM)
    assert reason_of(parse_certificate, pem) is RefusalCode.CERTIFICATE_INPUT_NOT_ONE


@pytest.mark.parametrize("parse", [parse_certificate, parse_request])
def test_what_is_too_large_is_not_read(parse: Callable[[bytes], object]) -> None:
    assert reason_of(parse, b"0" * (MAX_CERTIFICATE_BYTES + 1)) is RefusalCode.CERTIFICATE_INPUT_TOO_LARGE


@pytest.mark.parametrize("name", sorted(NASTY))
def test_a_nasty_certificate_is_parsed_or_refused(name: str) -> None:
    if name in PARSEABLE:
        assert parse_certificate(NASTY[name]).serial == "F55EF"
    else:
        expected = {"not UTF-8": "CERTIFICATE_MALFORMED", "half an armour": "CERTIFICATE_INPUT_NOT_ONE"}
        assert reason_of(parse_certificate, NASTY[name]).value == expected.get(name, "CERTIFICATE_MALFORMED")


@pytest.mark.parametrize("name", sorted(NASTY_REQUESTS))
def test_a_nasty_request_is_parsed_or_refused(name: str) -> None:
    if name in {"100 names", "NUL in a name"}:
        assert parse_request(NASTY_REQUESTS[name]).key == read_key(NASTY_SPKI)
    else:
        possible = {RefusalCode.CERTIFICATE_REQUEST_MALFORMED, RefusalCode.CERTIFICATE_POSSESSION_UNPROVEN}
        assert reason_of(parse_request, NASTY_REQUESTS[name]) in possible


@pytest.mark.parametrize("name", sorted(NASTY_LISTS))
def test_a_nasty_list_is_parsed_or_refused(name: str) -> None:
    if name == "negative serial":  # of an entry: no certificate has it, so nothing is refused for it
        assert parse_revocation_list(NASTY_LISTS[name])
    elif name in {"year 2050", "year 9999"}:
        next_update = parse_revocation_list(NASTY_LISTS[name]).next_update
        assert next_update is not None
        assert f"year {next_update.year}" == name
    else:
        assert reason_of(parse_revocation_list, NASTY_LISTS[name]) is RefusalCode.CERTIFICATE_LIST_MALFORMED


def test_dates_past_2050_and_a_nul_are_told_as_they_are() -> None:
    assert parse_certificate(NASTY["year 9999"]).not_after == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert len(parse_certificate(NASTY["100 names"]).alternative_names) == 100
    assert "\0" not in parse_certificate(NASTY["NUL in a name"]).subject


@pytest.mark.parametrize("key", [KEY, ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)])
def test_a_request_is_told_with_its_key_and_claims(key: ec.EllipticCurvePrivateKey) -> None:
    facts = parse_request(make_request(key))
    assert facts.subject == "CN=claimed,C=CN"
    assert facts.alternative_names == ("DNS:claimed.example",)
    assert facts.key.public == key.public_key()


def test_a_request_must_be_signed_with_its_own_key() -> None:
    mine, other = (make_request(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    spki = [x509.load_der_x509_csr(each).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            for each in (mine, other)]  # fmt: skip
    assert reason_of(parse_request, mine.replace(spki[0], spki[1])) is RefusalCode.CERTIFICATE_POSSESSION_UNPROVEN


def test_a_key_has_one_hash_however_its_point_is_written() -> None:
    uncompressed = make_certificate().public_bytes(Encoding.DER)
    spki = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    point = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    compressed = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    assert read_key(compressed).spki_sha256 == read_key(spki).spki_sha256
    assert parse_certificate(uncompressed).key.spki_sha256 == read_key(spki).spki_sha256


def test_a_revocation_list_is_told_as_facts() -> None:
    facts = parse_revocation_list(make_revocation_list(3))
    assert (facts.number, facts.entries, facts.issuer) == (7, 3, "CN=issuer,C=CN")
    assert reason_of(parse_revocation_list, PLAIN) is RefusalCode.CERTIFICATE_LIST_MALFORMED


@given(st.integers(min_value=1, max_value=2**159 - 1))
def test_a_serial_reads_back_however_it_is_written(number: int) -> None:
    text = format_serial(number)
    spaced = ":".join(f"{text:0>40}"[index : index + 2] for index in range(0, 40, 2))
    assert (
        parse_serial(text) == parse_serial(text.lower()) == parse_serial(f"0x{text}") == parse_serial(spaced) == number
    )


@pytest.mark.parametrize("text", ["", "0", "xyz", "-5", "1" * 41, "０１"])
def test_what_is_no_serial_is_no_serial(text: str) -> None:
    with pytest.raises(ValueError, match="serial"):
        parse_serial(text)


@settings(max_examples=3_400, deadline=2_000)
@given(SEEDS, st.sampled_from([PLAIN, NASTY["100 names"], NASTY["year 9999"], NASTY["NUL in a name"]]))
def test_a_mutated_certificate_is_parsed_or_refused(seed: int, original: bytes) -> None:
    _parse_or_refuse(parse_certificate, mutated(seed, original))


@settings(max_examples=3_400, deadline=2_000)
@given(SEEDS, st.sampled_from([make_request(), make_request(ed25519.Ed25519PrivateKey.generate())]))
def test_a_mutated_request_is_parsed_or_refused(seed: int, original: bytes) -> None:
    _parse_or_refuse(parse_request, mutated(seed, original))


@settings(max_examples=3_400, deadline=2_000)
@given(SEEDS, st.sampled_from([make_revocation_list(0), make_revocation_list(20)]))
def test_a_mutated_revocation_list_is_parsed_or_refused(seed: int, original: bytes) -> None:
    _parse_or_refuse(parse_revocation_list, mutated(seed, original))


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_parsed_or_refused(data: bytes, armoured: bool) -> None:
    if armoured:
        data = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(data) + b"\n-----END CERTIFICATE-----\n"
    for parse in (parse_certificate, parse_request, parse_revocation_list):
        _parse_or_refuse(parse, data)


def _parse_or_refuse(parse: Callable[[bytes], object], data: bytes) -> None:
    with suppress(CertificateError):
        repr(parse(data))


@pytest.mark.parametrize(
    "piece",
    [
        b'"kty":',
        b'"d":',
        b"-----BEGIN A-----",
        b"-----BEGIN CERTIFICATE-----\n",
        b"\x30\x80",
        b"\x30\x01\x02\x01",
        b"QUJD",
        b"\0",
        b"\x06\x03",
    ],
    ids=repr,
)
@pytest.mark.parametrize("parse", [parse_certificate, parse_request, parse_revocation_list])
def test_repetition_costs_no_time(parse: Callable[[bytes], object], piece: bytes) -> None:
    """Patterns that look back and forth would take seconds to minutes."""
    started = time.process_time()
    with pytest.raises(CertificateError):
        parse(piece * (MAX_CERTIFICATE_BYTES // len(piece)))
    assert time.process_time() - started < 0.5


def test_what_a_parser_quotes_is_not_passed_on() -> None:
    with pytest.raises(CertificateError) as caught, refusing(RefusalCode.CERTIFICATE_MALFORMED):
        raise ValueError("cannot read 'secret words' of \"others\" at 7")
    assert caught.value.message == "This is not a well-formed certificate: cannot read  of  at 7."


@pytest.fixture(scope="module")
def sm2(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """An SM2 key's certificate and request, as openssl makes them."""
    folder = tmp_path_factory.mktemp("sm2")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("genpkey", "-algorithm", "SM2", "-out", "key.pem")
    openssl("req", "-new", "-x509", "-key", "key.pem", "-sm3", "-utf8", "-subj", "/C=CN/O=测试/CN=sm2", "-out", "c.pem")
    openssl("req", "-new", "-key", "key.pem", "-sm3", "-subj", "/CN=sm2", "-out", "request.pem")
    return {"certificate": (folder / "c.pem").read_bytes(), "request": (folder / "request.pem").read_bytes()}


@pytest.mark.process
def test_an_sm2_certificate_is_shown_as_what_cannot_be_verified(sm2: dict[str, bytes]) -> None:
    facts = parse_certificate(sm2["certificate"])
    assert (facts.key.algorithm, facts.signature_algorithm, facts.unverifiable) == ("SM2", "SM2-SM3", "SM2")
    assert facts.subject == "CN=sm2,O=测试,C=CN"


@pytest.mark.process
def test_an_sm2_request_is_refused_as_unsupported(sm2: dict[str, bytes]) -> None:
    assert reason_of(parse_request, sm2["request"]) is RefusalCode.CERTIFICATE_ALGORITHM_UNSUPPORTED


def test_names_of_other_scripts_stay_readable() -> None:
    facts = parse_certificate(make_certificate(make_name("某证券股份有限公司")).public_bytes(Encoding.DER))
    assert facts.subject == "CN=某证券股份有限公司,C=CN"
