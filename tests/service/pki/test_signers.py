"""The authority's key: read from an encrypted file, or used where it is, in a token."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from service.authority import open_authority
from service.pki.authority import IssuingAuthority, Order, new_issuing
from service.pki.keys import facts_of
from service.pki.ocsp import Good, Question, Responder
from service.pki.parsing import parse_revocation_list, read_certificate
from service.pki.profiles import OperatorHolder, Profile
from service.pki.revocation_lists import build_revocation_list, verify_revocation_list
from service.pki.signers import Signer, SigningKeyUnusable, read_signer, write_signer
from service.world import PRODUCTION
from tests.service.pki.authorities import POINTS, RNG, Ceremony, make_ceremony
from tests.service.pki.making import AT, KEY
from tests.settings import make_settings

PASSPHRASE = b"correct horse battery staple"
SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "1234"


def test_a_key_reads_back_from_its_encrypted_file() -> None:
    sealed = write_signer(KEY, PASSPHRASE)
    assert b"ENCRYPTED PRIVATE KEY" in sealed
    assert read_signer(sealed, PASSPHRASE).public_key() == KEY.public_key()


@pytest.mark.parametrize(
    "pkcs8",
    [
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE)
        ),
        ec.generate_private_key(ec.SECP256K1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE)
        ),
        write_signer(KEY, b"another passphrase"),
        b"",
    ],
    ids=["unencrypted", "Ed25519", "secp256k1", "another passphrase", "empty"],
)
def test_other_files_are_no_signing_keys(pkcs8: bytes) -> None:
    with pytest.raises(SigningKeyUnusable) as caught:
        read_signer(pkcs8, PASSPHRASE)
    assert "horse" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_empty_passphrase_protects_nothing() -> None:
    with pytest.raises(SigningKeyUnusable, match="passphrase is empty"):
        read_signer(write_signer(KEY, PASSPHRASE), b"")


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """SoftHSM with two tokens of this test, in each a P-256 key pair that was generated inside it."""
    pkcs11 = pytest.importorskip("pkcs11", reason="the extra [pkcs11] is not installed")
    if shutil.which("softhsm2-util") is None or not SOFTHSM.exists():
        pytest.skip("SoftHSM is not installed (Debian package softhsm2)")
    from pkcs11.util.ec import encode_named_curve_parameters  # noqa: PLC0415 - behind importorskip

    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        for label in ("prop", "from settings"):
            initialise = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN]
            subprocess.run(initialise, check=True, capture_output=True, env=os.environ)
        for label in ("prop", "from settings"):
            with pkcs11.lib(str(SOFTHSM)).get_token(token_label=label).open(user_pin=PIN, rw=True) as session:
                parameters = session.create_domain_parameters(
                    pkcs11.KeyType.EC,
                    {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")},
                    local=True,
                )
                parameters.generate_keypair(store=True, label="issuing")
        yield SOFTHSM


@pytest.fixture(scope="module")
def token(module: Path) -> Iterator[Signer]:
    from service.pki.pkcs11_signers import open_pkcs11_signer  # noqa: PLC0415 - the extra [pkcs11]

    with open_pkcs11_signer(str(module), "prop", "issuing", PIN) as signer:
        yield signer


@pytest.mark.process
def test_a_token_is_an_authority_like_any_other(token: Signer) -> None:
    offline = make_ceremony()
    certificate = new_issuing(
        PRODUCTION, token.public_key(), root=offline.root, root_key=offline.root_key, points=POINTS, at=AT, rng=RNG
    )
    ceremony = Ceremony(offline.root, offline.root_key, IssuingAuthority(PRODUCTION, certificate, token, POINTS))
    leaf = ceremony.issue(Profile.LOGIN)
    assert ceremony.verifier().verify(leaf, [certificate], AT)
    listed = parse_revocation_list(build_revocation_list(certificate, token, [], number=1, at=AT, next_update=AT))
    verify_revocation_list(listed, certificate, AT)
    responder = Responder(certificate, token)
    digest, name_hash, key_hash = next(iter(responder.issuer_ids))
    question = Question(int(leaf.serial, 16), hashes.SHA1(), name_hash, key_hash, None)
    assert digest == "sha1"
    assert responder.answer(question, Good(), at=AT, next_update=AT)
    assert read_certificate(certificate).path_length == 0


@pytest.mark.process
def test_a_token_signs_and_does_nothing_else(token: Signer) -> None:
    for ask in (
        token.private_numbers,
        lambda: token.exchange(ec.ECDH(), KEY.public_key()),
        lambda: token.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ):
        with pytest.raises(SigningKeyUnusable):
            ask()


@pytest.mark.process
def test_a_token_signs_a_digest_that_was_made_elsewhere_and_nothing_that_is_none(token: Signer) -> None:
    made_here = ec.ECDSA(Prehashed(hashes.SHA256()))
    signature = token.sign(hashlib.sha256(b"a list").digest(), made_here)
    token.public_key().verify(signature, b"a list", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(ValueError, match="octets"):
        token.sign(b"a list", made_here)


@pytest.mark.process
def test_a_token_that_cannot_be_used_says_why_without_its_pin(token: Signer) -> None:
    from service.pki.pkcs11_signers import open_pkcs11_signer  # noqa: PLC0415 - the extra [pkcs11]

    for library, name, label, pin in (
        (str(SOFTHSM), "prop", "issuing", "wrong-pin"),
        (str(SOFTHSM), "nowhere", "issuing", PIN),
        (str(SOFTHSM), "prop", "nothing", PIN),
        ("/nowhere/module.so", "prop", "issuing", PIN),
    ):
        with pytest.raises(SigningKeyUnusable) as caught, open_pkcs11_signer(library, name, label, pin):
            pass
        assert pin not in str(caught.value)


@pytest.mark.process
async def test_an_authority_whose_key_is_in_a_token_is_opened_from_settings_and_issues(
    module: Path, tmp_path: Path
) -> None:
    from service.pki.pkcs11_signers import open_pkcs11_signer  # noqa: PLC0415 - the extra [pkcs11]

    offline = make_ceremony()
    with open_pkcs11_signer(str(module), "from settings", "issuing", PIN) as signer:
        public = signer.public_key()
    root, root_key = offline.root, offline.root_key
    issuing = new_issuing(PRODUCTION, public, root=root, root_key=root_key, points=POINTS, at=AT, rng=RNG)
    (tmp_path / "issuing.pem").write_bytes(issuing.public_bytes(Encoding.PEM))
    (tmp_path / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    given = {
        "issuing_certificate_file": tmp_path / "issuing.pem",
        "root_certificates_file": tmp_path / "root.pem",
        "root_fingerprints": root.fingerprint(hashes.SHA256()).hex(),
        "issuing_key_module": module,
        "issuing_key_token": "from settings",
        "issuing_key_label": "issuing",
    }
    with open_authority(make_settings(**given, issuing_key_pin=PIN), PRODUCTION) as authority:
        assert authority is not None
        order = Order(Profile.SEAL, OperatorHolder("BRK001", "000001"), "某证券", facts_of(KEY.public_key()))
        facts = await authority.sign(authority.prepare(order, AT))
        authority.verify(facts, Profile.SEAL, AT)
        asked = authority.prepare(order, AT)
    with pytest.raises(SigningKeyUnusable, match="did not sign"):  # the session is over, as when a token is pulled out
        authority.issuing.sign(asked)
    with (
        pytest.raises(SigningKeyUnusable, match="cannot be opened") as caught,
        open_authority(make_settings(**given, issuing_key_pin="0000-wrong"), PRODUCTION),
    ):
        raise AssertionError("opened")
    assert "0000-wrong" not in str(caught.value)
    with (
        pytest.raises(SigningKeyUnusable, match="cannot be found"),
        open_authority(make_settings(**{**given, "issuing_key_label": "another"}, issuing_key_pin=PIN), PRODUCTION),
    ):
        raise AssertionError("opened")
