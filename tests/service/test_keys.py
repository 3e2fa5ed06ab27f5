"""The world's keys: read, generated, rotated, never shown."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jwt
from joserfc.jwk import ECKey

from service.keys import TOKEN_LIFETIME, KeyUnusable, keep_keys, load_keys

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def make_pem(key: object, encryption: KeySerializationEncryption | None = None) -> str:
    assert isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


SIGNING = make_pem(ec.generate_private_key(ec.SECP256R1()))
NEXT = make_pem(ec.generate_private_key(ec.SECP256R1()))
LOG = make_pem(ed25519.Ed25519PrivateKey.generate())


def make_retired(key: ECKey, at: datetime) -> str:
    return json.dumps({"keys": [key.as_dict(private=False) | {"retired_at": at.isoformat()}]})


def test_a_world_that_makes_its_own_keys_finds_them_at_its_second_start(tmp_path: Path) -> None:
    first, second = keep_keys(tmp_path / "keys"), keep_keys(tmp_path / "keys")
    assert first.current.kid == second.current.kid
    assert str(first.log_verifier("a")) == str(second.log_verifier("a"))
    files = sorted((tmp_path / "keys").iterdir())
    assert [each.name for each in files] == ["log.pem", "signing.pem"]
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in files)


def test_the_key_id_is_the_rfc_7638_thumbprint_of_the_public_key() -> None:
    keys = load_keys(SIGNING, LOG)
    (shown,) = keys.token_keys(NOW).as_dict(private=False)["keys"]
    bare = ECKey.import_key({name: shown[name] for name in ("kty", "crv", "x", "y")})
    assert shown["kid"] == bare.thumbprint() == keys.current.kid
    assert (shown["use"], shown["alg"]) == ("sig", "ES256")


def test_no_key_set_and_no_repr_holds_a_private_key() -> None:
    keys = load_keys(SIGNING, LOG, announced=NEXT)
    secret = str(keys.current.as_dict(private=True)["d"])
    shown = [keys.token_keys(NOW), keys.receipt_keys()]
    assert all(not key.is_private for each in shown for key in each.keys)
    assert secret not in repr(keys) + str(keys) + repr([each.as_dict() for each in shown])


def test_the_next_key_is_announced_and_the_old_one_stays_until_its_tokens_have_died() -> None:
    old = load_keys(SIGNING, LOG)
    token = old.sign_token({"sub": "x"})
    rotated = load_keys(NEXT, LOG, retired=make_retired(old.current, NOW))
    assert load_keys(SIGNING, LOG, announced=NEXT).token_keys(NOW).keys[1].kid == rotated.current.kid
    before, after = NOW + TOKEN_LIFETIME - timedelta(seconds=1), NOW + TOKEN_LIFETIME
    assert jwt.decode(token, rotated.token_keys(before), ["ES256"]).claims == {"sub": "x"}
    assert [key.kid for key in rotated.token_keys(after).keys] == [rotated.current.kid]
    assert old.current.kid in [key.kid for key in rotated.receipt_keys().keys]


def test_an_encrypted_key_needs_its_passphrase() -> None:
    sealed = make_pem(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"open sesame"))
    log = make_pem(ed25519.Ed25519PrivateKey.generate(), BestAvailableEncryption(b"open sesame"))
    assert load_keys(sealed, log, passphrase="open sesame").current.is_private
    for passphrase in (None, "wrong"):
        with pytest.raises(KeyUnusable) as caught:
            load_keys(sealed, log, passphrase=passphrase)
        assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize(
    ("signing", "log"),
    [
        ("", LOG),
        ("not a key", LOG),
        (LOG, LOG),
        (make_pem(ec.generate_private_key(ec.SECP384R1())), LOG),
        (make_pem(rsa.generate_private_key(65537, 2048)), LOG),
        (SIGNING, SIGNING),
    ],
)
def test_a_key_of_another_kind_is_refused(signing: str, log: str) -> None:
    with pytest.raises(KeyUnusable):
        load_keys(signing, log)


@pytest.mark.parametrize(
    "retired",
    [
        "",
        "[]",
        '{"keys":[{}]}',
        '{"keys":[{"kty":"oct","k":"AA","retired_at":"2026-01-01T00:00:00Z"}]}',
        make_retired(ECKey.generate_key("P-256"), NOW.replace(tzinfo=None)),
        json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=True) | {"retired_at": NOW.isoformat()}]}),
    ],
)
def test_retired_keys_that_are_not_public_or_not_dated_are_refused(retired: str) -> None:
    with pytest.raises(KeyUnusable):
        load_keys(SIGNING, LOG, retired=retired)
