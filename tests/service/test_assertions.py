"""Parsing assertions: nothing but our own refusal leaves, whatever is sent."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc.util import urlsafe_b64encode

from service.assertions import AssertionRefused, Reason, parse_assertion, verify_signature
from tests.service.logins import ED25519, EVERYBODY, P256, P384, RSA, Persona

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
# SM2 (curve 1.2.156.10197.1.301): a key that is read and not understood.
SM2 = bytes.fromhex(
    "3059301306072a8648ce3d020106082a811ccf5501822d034200"
    "0432c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)  # fmt: skip


def reason_of(text: str, public_key: bytes = P256.public_key) -> Reason:
    with pytest.raises(AssertionRefused) as caught:
        verify_signature(parse_assertion(text), public_key)
    return caught.value.reason


@pytest.mark.parametrize("persona", EVERYBODY, ids=lambda persona: persona.algorithm)
def test_each_kind_of_key_signs_with_its_own_algorithm(persona: Persona) -> None:
    assertion = parse_assertion(persona.sign())
    verify_signature(assertion, persona.public_key)
    assert assertion.certificate == persona.digest.hex()
    for other in EVERYBODY:
        if other is not persona:
            assert reason_of(persona.sign(), other.public_key) in {Reason.ALGORITHM, Reason.SIGNATURE}


def test_ed25519_may_be_named_by_its_old_and_its_new_name() -> None:
    for name in ("EdDSA", "Ed25519"):
        verify_signature(parse_assertion(ED25519.sign(alg=name)), ED25519.public_key)


def test_a_changed_byte_anywhere_is_refused() -> None:
    text = P256.sign()
    for at in range(0, len(text), 7):
        changed = "A" if text[at] != "A" else "B"
        with pytest.raises(AssertionRefused):
            verify_signature(parse_assertion(text[:at] + changed + text[at + 1 :]), P256.public_key)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "ES512", "ES256K", "", None, 7, ["ES256"]])
def test_an_algorithm_outside_the_list_is_refused_before_anything_is_verified(algorithm: Any) -> None:
    with pytest.raises(AssertionRefused) as caught:
        parse_assertion(P256.sign(alg=algorithm))
    assert caught.value.reason in {Reason.ALGORITHM, Reason.MALFORMED}


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": {"kty": "EC"}},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/x"},
        {"x5c": ["AA=="]},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"kid": 7},
        {"x5t#S256": "AA"},
        {"x5t#S256": "ü"},
    ],
)
def test_a_header_that_brings_its_own_key_or_options_is_refused(header: dict[str, Any]) -> None:
    assert reason_of(P256.sign(**header)) is Reason.MALFORMED


def test_an_assertion_that_names_no_certificate_is_refused() -> None:
    assert reason_of(P256.sign(**{"x5t#S256": None})) is Reason.CERTIFICATE_NOT_NAMED


def test_keys_that_cannot_be_verified_are_said_to_be_unsupported() -> None:
    curves = (ec.SECP521R1(), ec.SECP256K1(), ec.BrainpoolP256R1())
    keys: list[Any] = [ec.generate_private_key(curve).public_key() for curve in curves]
    keys.append(rsa.generate_private_key(65537, 1024).public_key())
    spki = [key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in keys]
    for each in (*spki, SM2, b"", b"0"):
        assert reason_of(P256.sign(), each) is Reason.KEY_UNSUPPORTED


@pytest.mark.parametrize(
    "changes",
    [
        {"jti": "x" * 129},
        {"jti": ""},
        {"jti": None},
        {"jti": 7},
        {"sub": ["a"]},
        {"iss": None},
        {"iat": None},
        {"iat": 1.5},
        {"iat": True},
        {"exp": 10**15},
        {"exp": -1},
        {"exp": "soon"},
    ],
)
def test_claims_of_the_wrong_form_are_refused(changes: dict[str, Any]) -> None:
    assert reason_of(P256.sign(P256.claims(**changes))) is Reason.MALFORMED


@pytest.mark.parametrize("audience", [["a", "b"], [], None, 7, [["a"]]])
def test_an_assertion_has_one_audience(audience: Any) -> None:
    assert reason_of(P256.sign(P256.claims(aud=audience))) is Reason.AUDIENCE


def test_a_claim_that_stands_twice_is_refused() -> None:
    twice = json.dumps(P256.claims())[:-1] + ', "sub": "somebody-else"}'
    assert reason_of(P256.sign(twice.encode())) is Reason.MALFORMED


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{0,60}"))
def test_parsing_any_text_is_total(text: str) -> None:
    with pytest.raises(AssertionRefused):
        parse_assertion(text)


@given(st.sampled_from(["alg", "typ", "kid", "x5t#S256"]), JSON, st.sampled_from(["iss", "aud", "iat", "jti"]), JSON)
def test_parsing_any_header_and_claims_is_total(name: str, value: Any, claim: str, content: Any) -> None:
    header, claims = P256.header() | {name: value}, P256.claims() | {claim: content}
    text = ".".join(urlsafe_b64encode(json.dumps(each).encode()).decode() for each in (header, claims))
    try:
        verify_signature(parse_assertion(f"{text}.AAAA"), P256.public_key)
    except AssertionRefused:
        return
    raise AssertionError("a signature of three bytes was taken for one")


@given(st.binary(max_size=120))
def test_reading_any_public_key_is_total(data: bytes) -> None:
    assert reason_of(P256.sign(), data) is Reason.KEY_UNSUPPORTED


def test_the_other_personas_are_of_other_kinds() -> None:
    assert len({each.public_key for each in (P256, P384, RSA, ED25519)}) == 4
