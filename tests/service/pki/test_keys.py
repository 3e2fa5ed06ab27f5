"""Which keys are certified, and which are not, and why."""

import math
import random

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from service.pki.errors import CertificateError
from service.pki.keys import ensure_key_allowed, facts_of
from service.refusals import RefusalCode
from tests.service.pki.making import KEY

CHANCE = random.Random(2017)


def make_prime(bits: int, start: int | None = None, step: int = 2) -> int:
    """A probable prime: 65537 for its exponent's sake, Fermat for a test's."""
    candidate = start if start is not None else CHANCE.getrandbits(bits) | (3 << (bits - 2)) | 1
    while pow(3, candidate - 1, candidate) != 1 or (candidate - 1) % 65537 == 0:
        candidate += step
    return candidate


def make_rsa(modulus: int, exponent: int = 65537) -> PublicKeyTypes:
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def make_roca_prime() -> int:
    """A prime of 1024 bits as the flawed library chose them: k * M + (65537^a mod M), M the product of 126 primes."""
    primes = [n for n in range(2, 702) if all(n % divisor for divisor in range(2, math.isqrt(n) + 1))]
    product = math.prod(primes)
    assert len(primes) == 126
    while True:
        candidate = (CHANCE.getrandbits(1024 - product.bit_length()) | 1 << (1023 - product.bit_length())) * product
        candidate += pow(65537, CHANCE.getrandbits(256), product)
        if candidate.bit_length() == 1024 and pow(3, candidate - 1, candidate) == 1:
            return candidate


def weakness(public: PublicKeyTypes) -> str:
    with pytest.raises(CertificateError) as caught:
        ensure_key_allowed(facts_of(public))
    assert caught.value.reason is RefusalCode.CERTIFICATE_KEY_WEAK
    assert caught.value.article == 8
    return caught.value.message


@pytest.mark.parametrize(
    "public",
    [
        ec.generate_private_key(ec.SECP256R1()).public_key(),
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ed25519.Ed25519PrivateKey.generate().public_key(),
        rsa.generate_private_key(65537, 2048).public_key(),
        rsa.generate_private_key(65537, 4096).public_key(),
    ],
    ids=["P-256", "P-384", "Ed25519", "RSA 2048", "RSA 4096"],
)
def test_keys_of_today_are_certified(public: PublicKeyTypes) -> None:
    assert ensure_key_allowed(facts_of(public)) == public


@pytest.mark.parametrize(
    "public",
    [
        ec.generate_private_key(ec.SECP521R1()).public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
        ed448.Ed448PrivateKey.generate().public_key(),
        dsa.generate_private_key(2048).public_key(),
        rsa.generate_private_key(65537, 1024).public_key(),
        make_rsa(CHANCE.getrandbits(4100) | 1 << 4099 | 1),
    ],
    ids=["P-521", "secp256k1", "Ed448", "DSA", "RSA 1024", "RSA 4100"],
)
def test_other_kinds_and_sizes_are_not(public: PublicKeyTypes) -> None:
    with pytest.raises(CertificateError) as caught:
        ensure_key_allowed(facts_of(public))
    assert caught.value.reason is RefusalCode.CERTIFICATE_KEY_NOT_ALLOWED


def test_another_exponent_is_weak() -> None:
    assert "exponent" in weakness(make_rsa(make_prime(1024) * make_prime(1024), exponent=3))


@pytest.mark.parametrize("factor", [3, 751, 1999])
def test_a_small_factor_is_weak(factor: int) -> None:
    assert "small factor" in weakness(make_rsa(factor * (CHANCE.getrandbits(2047) | 1 << 2046 | 1)))


def test_a_key_of_the_flawed_chip_library_is_weak() -> None:
    assert "ROCA" in weakness(make_rsa(make_roca_prime() * make_roca_prime()))


def test_primes_close_to_each_other_are_weak() -> None:
    first = make_prime(1024)
    assert "close primes" in weakness(make_rsa(first * make_prime(1024, start=first + 2)))


def test_blocked_and_published_keys_are_refused_by_their_hash() -> None:
    key = facts_of(KEY.public_key())
    with pytest.raises(CertificateError) as caught:
        ensure_key_allowed(key, blocked={key.spki_sha256})
    assert caught.value.reason is RefusalCode.CERTIFICATE_KEY_BLOCKED
    assert caught.value.article == 13
    with pytest.raises(CertificateError) as caught:
        ensure_key_allowed(key, known_weak=frozenset({key.spki_sha256}))
    assert caught.value.reason is RefusalCode.CERTIFICATE_KEY_WEAK
    assert ensure_key_allowed(key, blocked={"0" * 64}, known_weak={"0" * 64})
