"""The sandbox's own authority: made once, never at its end, and worth nothing in production (art. 17)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.authority import keep_authority
from sandbox.settings import read_sandbox_settings
from sandbox.world import SANDBOX
from service.authority import Authority, load_certificates, open_authority
from service.ceremony import ISSUING_CERTIFICATE, ROOT_CERTIFICATE, ROOT_LIST
from service.pki.authority import IssuingAuthority, Order
from service.pki.chain import ChainVerifier, rules_of
from service.pki.errors import CertificateError
from service.pki.keys import facts_of
from service.pki.parsing import CertificateFacts, read_certificate
from service.pki.profiles import MAX_DAYS, OperatorHolder, Profile
from service.pki.signers import SigningKeyUnusable
from service.refusals import RefusalCode
from service.world import PRODUCTION, World

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
URL = "http://127.0.0.1:8000"


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def issue(authority: Authority, at: datetime) -> CertificateFacts:
    key = facts_of(ec.generate_private_key(ec.SECP256R1()).public_key())
    order = Order(Profile.LOGIN, OperatorHolder("BRK001", "000001"), "沙盒", key, MAX_DAYS)
    return read_certificate(authority.issuing.sign(authority.prepare(order, at)))


def test_a_second_start_finds_the_authority_of_the_first_readable_by_its_owner_alone(tmp_path: Path):
    directory = tmp_path / "authority"
    first = keep_authority(directory, URL, AT)
    made = contents(directory)
    assert keep_authority(directory, URL, AT + timedelta(days=100)) == first
    assert contents(directory) == made
    assert {file.stat().st_mode & 0o777 for file in directory.iterdir()} == {0o600}


@pytest.mark.parametrize("years", [0, 1, 2, 3, 4, 5, 6, 20, 30])
def test_whenever_a_sandbox_starts_its_authority_vouches_for_the_longest_life(tmp_path: Path, years: int):
    directory = tmp_path / "authority"
    keep_authority(directory, URL, AT)
    at = AT + timedelta(days=365 * years)
    keep_authority(directory, URL, at)
    issuing = load_certificates(directory / ISSUING_CERTIFICATE)[0]
    root = load_certificates(directory / ROOT_CERTIFICATE)[0]
    assert issuing.not_valid_before_utc < at < issuing.not_valid_after_utc - timedelta(days=MAX_DAYS)
    issuing.verify_directly_issued_by(root)
    listed = x509.load_der_x509_crl((directory / ROOT_LIST).read_bytes())
    assert listed.next_update_utc is not None
    assert listed.last_update_utc <= at < listed.next_update_utc - timedelta(days=30)
    assert listed.is_signature_valid(root.public_key())  # type: ignore[arg-type]  # an EC key


def test_the_roots_list_is_signed_again_by_the_same_root_under_a_higher_number(tmp_path: Path):
    directory = tmp_path / "authority"
    first = keep_authority(directory, URL, AT)

    def number() -> int:
        listed = x509.load_der_x509_crl((directory / ROOT_LIST).read_bytes())
        return listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    before = number()
    assert keep_authority(directory, URL, AT + timedelta(days=365)) == first
    assert number() > before
    assert {file.stat().st_mode & 0o777 for file in directory.iterdir()} == {0o600}


def test_its_certificates_say_that_they_bind_nobody_and_chain_to_its_root(tmp_path: Path):
    settings = read_sandbox_settings({"SANDBOX_DATA_DIR": str(tmp_path)})
    with open_authority(settings, SANDBOX) as authority:
        assert authority is not None
        at = datetime.now(UTC)
        leaf = issue(authority, at)
        authority.verify(leaf, Profile.LOGIN, at)
        for certificate in (leaf.certificate, authority.issuing.certificate, authority.root):
            names = certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
            assert [name.value for name in names] == ["PROP SANDBOX - NOT BINDING"]
            policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies)
            assert policies.critical
            assert [each.policy_identifier.dotted_string for each in policies.value] == [SANDBOX.policy_oid]


def test_production_refuses_what_it_issues_even_with_its_root_pinned(tmp_path: Path):
    settings = read_sandbox_settings({"SANDBOX_DATA_DIR": str(tmp_path)})
    with open_authority(settings, SANDBOX) as authority:
        assert authority is not None
        at = datetime.now(UTC)
        leaf, issuing, root = issue(authority, at), authority.issuing, authority.root

    def verify(world: World) -> None:
        pins = [root.fingerprint(hashes.SHA256()).hex()]
        ChainVerifier(rules_of(world, Profile.LOGIN), [root], pins).verify(leaf, [issuing.certificate], at)

    verify(SANDBOX)
    with pytest.raises(CertificateError) as caught:
        verify(PRODUCTION)
    assert caught.value.reason is RefusalCode.CERTIFICATE_FOREIGN_WORLD
    with pytest.raises(SigningKeyUnusable):
        IssuingAuthority(PRODUCTION, issuing.certificate, issuing.key, issuing.points)
