"""The authority of a world: made at a ceremony, opened from settings, and trusted by its minutes alone."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from service.authority import Authority, open_authority, open_outside, read_blocked_keys
from service.ceremony import (
    ISSUING_CERTIFICATE,
    ISSUING_KEY,
    ROOT_CERTIFICATE,
    ROOT_KEY,
    ROOT_LIST,
    AuthorityExists,
    Minutes,
    hold_ceremony,
)
from service.pki.authority import Order
from service.pki.errors import CertificateError
from service.pki.keys import facts_of
from service.pki.parsing import parse_revocation_list
from service.pki.profiles import OperatorHolder, Profile
from service.pki.revocation_lists import verify_revocation_list
from service.pki.signers import SigningKeyUnusable, read_signer
from service.refusals import RefusalCode
from service.settings import Settings
from service.world import PRODUCTION
from tests.databases import NEIGHBOUR
from tests.service.pki.authorities import TRYOUT, make_ceremony
from tests.settings import make_settings

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
URL = "http://pki.example.org"


def hold(directory: Path, at: datetime = AT) -> Minutes:
    return hold_ceremony(
        PRODUCTION, directory, root_passphrase=b"the root's", issuing_passphrase=b"the other", base_url=URL, at=at
    )


def settings_for(minutes: Minutes, **changes: object) -> Settings:
    directory = minutes.directory
    given: dict[str, object] = {
        "issuing_certificate_file": directory / ISSUING_CERTIFICATE,
        "issuing_key_file": directory / ISSUING_KEY,
        "issuing_key_passphrase": "the other",
        "root_certificates_file": directory / ROOT_CERTIFICATE,
        "root_revocation_list_file": directory / ROOT_LIST,
        "root_fingerprints": minutes.root_fingerprint,
    }
    return make_settings(**{name: value for name, value in (given | changes).items() if value is not None})


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> Minutes:
    return hold(tmp_path_factory.mktemp("ceremony") / "authority")


def test_a_ceremony_leaves_encrypted_keys_for_its_owner_only(minutes: Minutes) -> None:
    files = {file.name: file for file in minutes.directory.iterdir()}
    assert files.keys() == {ROOT_KEY, ROOT_CERTIFICATE, ROOT_LIST, ISSUING_KEY, ISSUING_CERTIFICATE}
    assert {file.stat().st_mode & 0o777 for file in files.values()} == {0o600}
    assert minutes.directory.stat().st_mode & 0o777 == 0o700
    for name, passphrase in ((ROOT_KEY, b"the root's"), (ISSUING_KEY, b"the other")):
        assert read_signer(files[name].read_bytes(), passphrase)
        with pytest.raises(SigningKeyUnusable):
            read_signer(files[name].read_bytes(), b"neither")


def test_a_ceremony_writes_over_nothing(minutes: Minutes, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in minutes.directory.iterdir()}
    with pytest.raises(AuthorityExists, match="not empty"):
        hold(minutes.directory)
    assert {file.name: file.read_bytes() for file in minutes.directory.iterdir()} == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(AuthorityExists):
        hold(tmp_path / "other")
    assert [each.name for each in tmp_path.iterdir()] == ["other"], "no draft is left behind"


def test_a_ceremony_takes_no_empty_passphrase(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="passphrase"):
        hold_ceremony(PRODUCTION, tmp_path / "a", root_passphrase=b"", issuing_passphrase=b"x", base_url=URL, at=AT)
    assert list(tmp_path.iterdir()) == []


def test_openssl_verifies_the_authority_and_reads_the_roots_list(minutes: Minutes) -> None:
    directory = minutes.directory
    at = str(int(AT.timestamp()))
    (directory / "root.crl.pem").unlink(missing_ok=True)
    verified = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-attime", at, "-CAfile", ROOT_CERTIFICATE, ISSUING_CERTIFICATE],
        cwd=directory, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert verified.stdout.strip().endswith("OK")
    listed = subprocess.run(
        ["openssl", "crl", "-inform", "DER", "-in", ROOT_LIST, "-noout", "-CAfile", ROOT_CERTIFICATE],
        cwd=directory, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "verify OK" in listed.stderr


async def test_what_the_opened_authority_signs_verifies_and_names_where_its_status_is(minutes: Minutes) -> None:
    with open_authority(settings_for(minutes, pki_url=URL), PRODUCTION) as authority:
        assert isinstance(authority, Authority)
        key = facts_of(ec.generate_private_key(ec.SECP256R1()).public_key())
        order = Order(Profile.LOGIN, OperatorHolder("BRK001", "000001"), "某证券", key)
        facts = await authority.sign(authority.prepare(order, AT))
        authority.verify(facts, Profile.LOGIN, AT)
        with pytest.raises(CertificateError) as caught:
            authority.verify(facts, Profile.SEAL, AT)
        assert caught.value.reason is RefusalCode.CERTIFICATE_USAGE_WRONG
        assert b"http://pki.example.org/pki/crl/issuing.crl" in facts.der
        assert b"http://pki.example.org/pki/ocsp" in facts.der
        assert authority.chain_pem.count("BEGIN CERTIFICATE") == 2
        assert authority.root_list is not None
        verify_revocation_list(parse_revocation_list(authority.root_list), authority.root, AT)


def test_without_settings_there_is_no_authority() -> None:
    with open_authority(make_settings(), PRODUCTION) as authority:
        assert authority is None


def test_a_root_that_the_minutes_do_not_name_is_not_trusted(minutes: Minutes) -> None:
    with (
        pytest.raises(CertificateError) as caught,
        open_authority(settings_for(minutes, root_fingerprints="ab" * 32), PRODUCTION),
    ):
        raise AssertionError("opened")
    assert caught.value.reason is RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED


def test_an_authority_of_the_other_world_is_not_opened(minutes: Minutes) -> None:
    with pytest.raises(SigningKeyUnusable, match="not one of"), open_authority(settings_for(minutes), NEIGHBOUR):
        raise AssertionError("opened")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"issuing_key_passphrase": "wrong"}, "another passphrase"),
        ({"issuing_key_file": None}, "no key and passphrase"),
    ],
)
def test_a_key_that_does_not_open_is_told_without_quoting_it(
    minutes: Minutes, changes: dict[str, object], told: str
) -> None:
    with (
        pytest.raises(SigningKeyUnusable, match=told) as caught,
        open_authority(settings_for(minutes, **changes), PRODUCTION),
    ):
        raise AssertionError("opened")
    assert "wrong" not in str(caught.value)


def test_the_roots_of_another_ceremony_do_not_fit(minutes: Minutes, tmp_path: Path) -> None:
    other = hold(tmp_path / "other", AT)
    changed = settings_for(
        minutes, root_certificates_file=other.directory / ROOT_CERTIFICATE, root_fingerprints=other.root_fingerprint
    )
    with pytest.raises(SigningKeyUnusable, match="None of the roots"), open_authority(changed, PRODUCTION):
        raise AssertionError("opened")


@pytest.mark.parametrize("setting", ["issuing_certificate_file", "root_certificates_file", "root_revocation_list_file"])
def test_a_file_that_is_not_there_is_named_in_a_sentence(minutes: Minutes, tmp_path: Path, setting: str) -> None:
    missing = tmp_path / "missing.pem"
    with (
        pytest.raises(SigningKeyUnusable, match=r"missing\.pem cannot be read: No such file"),
        open_authority(settings_for(minutes, **{setting: missing}), PRODUCTION),
    ):
        raise AssertionError("opened")
    with pytest.raises(SigningKeyUnusable, match="cannot be read"):
        read_blocked_keys(missing)
    with pytest.raises(SigningKeyUnusable, match="cannot be read"):
        open_outside(make_settings(outside_root_certificates_file=missing), PRODUCTION)


def test_the_other_worlds_authorities_attest_what_they_signed_and_let_nothing_in(tmp_path: Path) -> None:
    there, stranger = make_ceremony(TRYOUT, AT), make_ceremony(TRYOUT, AT)
    file = tmp_path / "chain.pem"  # as the sandbox serves it: the issuing authority, then its root
    file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in (there.issuing.certificate, there.root)))
    outside = open_outside(make_settings(neighbour_certificates_file=file), PRODUCTION)
    signed, forged = there.issue(at=AT), stranger.issue(at=AT)
    assert outside.attest(signed, [])
    assert not outside.attest(forged, [stranger.issuing.certificate])
    assert outside.judge(signed, Profile.LOGIN, [], AT) is None, "nobody is trusted to certify for this world"
    assert not open_outside(make_settings(), PRODUCTION).attest(signed, [there.issuing.certificate, there.root])
