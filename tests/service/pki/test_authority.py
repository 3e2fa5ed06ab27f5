"""What the authority of a world makes, and what it refuses to make."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID as Access

from service.pki.authority import IssuingAuthority, Order, new_issuing, new_root, new_serial
from service.pki.errors import CertificateError
from service.pki.keys import facts_of
from service.pki.parsing import read_certificate
from service.pki.profiles import OperatorHolder, Profile, RegistrarHolder, ensure_held_by, holder_of, holder_urn
from service.pki.signers import SigningKeyUnusable
from service.refusals import RefusalCode
from service.world import PRODUCTION
from tests.service.pki.authorities import HOLDER, POINTS, RNG, TRYOUT, make_ceremony
from tests.service.pki.making import AT, KEY

CEREMONY = make_ceremony()


def test_a_login_certificate_has_all_that_its_profile_asks_for() -> None:
    facts = CEREMONY.issue(Profile.LOGIN)
    assert facts.subject == (
        "CN=ABC001 000001,serialNumber=000001,organizationIdentifier=ABC001,OU=某证券股份有限公司,O=PROP,C=CN"
    )
    assert facts.alternative_names == ("URI:urn:prop:production:participant:ABC001:operator:000001",)
    assert facts.extended_key_usages == ("1.3.6.1.5.5.7.3.2",)
    assert facts.key_usages == {"digitalSignature"}
    assert facts.policies == (PRODUCTION.policy_oid,)
    assert facts.not_before == AT
    assert facts.not_after == AT + timedelta(days=398, seconds=-1)
    assert facts.authority_key_id == read_certificate(CEREMONY.issuing.certificate).subject_key_id
    extensions = facts.certificate.extensions
    assert extensions.get_extension_for_class(x509.CertificatePolicies).critical
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert {each.access_method: each.access_location.value for each in access} == {
        Access.OCSP: POINTS.ocsp,
        Access.CA_ISSUERS: POINTS.issuer,
    }


def test_a_seal_certificate_signs_and_binds_but_does_not_log_in() -> None:
    facts = CEREMONY.issue(Profile.SEAL)
    assert facts.key_usages == {"digitalSignature", "contentCommitment"}
    assert facts.extended_key_usages == ("1.3.6.1.5.5.7.3.36",)


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 3072)])
def test_operators_may_bring_other_keys_than_the_authority_has(key: ed25519.Ed25519PrivateKey) -> None:
    order = Order(Profile.LOGIN, HOLDER, "Broker", facts_of(key.public_key()))
    leaf = read_certificate(CEREMONY.issuing.issue(order, at=AT, rng=RNG))
    assert CEREMONY.verifier().verify(leaf, [CEREMONY.issuing.certificate], AT)


def test_what_is_signed_is_what_was_recorded_before() -> None:
    order = Order(Profile.LOGIN, HOLDER, "Broker", facts_of(KEY.public_key()), days=30)
    intent = CEREMONY.issuing.prepare(order, at=AT, rng=RNG)
    first, after_a_crash = (CEREMONY.issuing.sign(intent) for _ in range(2))
    assert first.tbs_certificate_bytes == after_a_crash.tbs_certificate_bytes == intent.tbs
    assert read_certificate(first).serial == intent.serial
    assert len(intent.tbs_sha256) == 64


def test_an_intent_of_another_authority_is_not_signed() -> None:
    order = Order(Profile.LOGIN, HOLDER, "Broker", facts_of(KEY.public_key()))
    foreign = make_ceremony().issuing.prepare(order, at=AT, rng=RNG)
    with pytest.raises(SigningKeyUnusable):
        CEREMONY.issuing.sign(foreign)


@pytest.mark.parametrize("days", [0, 399, -1])
def test_no_certificate_lives_longer_than_398_days(days: int) -> None:
    with pytest.raises(CertificateError) as caught:
        CEREMONY.issue(days=days)
    assert caught.value.reason is RefusalCode.CERTIFICATE_LIFE_TOO_LONG
    assert caught.value.article == 14


def test_no_certificate_outlives_its_issuer() -> None:
    late = CEREMONY.issuing.certificate.not_valid_after_utc - timedelta(days=100)
    with pytest.raises(CertificateError) as caught:
        CEREMONY.issue(at=late)
    assert caught.value.reason is RefusalCode.CERTIFICATE_OUTLIVES_ISSUER
    assert CEREMONY.issue(at=late, days=100).not_after <= CEREMONY.issuing.certificate.not_valid_after_utc


def test_serials_have_128_random_bits() -> None:
    assert new_serial(lambda octets: b"\xff" * octets) == 2**128 - 1
    draws = iter([bytes(16), b"\0" * 15 + b"\x07"])
    assert new_serial(lambda _: next(draws)) == 7
    assert len({CEREMONY.issue().serial for _ in range(50)}) == 50


def test_a_ceremony_may_fall_on_a_leap_day() -> None:
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    ceremony = make_ceremony(at=leap, years=5)
    assert ceremony.issuing.certificate.not_valid_after_utc == datetime(2033, 3, 1, 11, 59, 59, tzinfo=UTC)
    assert ceremony.root.not_valid_after_utc == datetime(2048, 2, 29, 11, 59, 59, tzinfo=UTC)


def test_keys_must_fit_their_authority() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(SigningKeyUnusable, match="belong"):
        IssuingAuthority(PRODUCTION, CEREMONY.issuing.certificate, other, POINTS)
    with pytest.raises(SigningKeyUnusable, match="not one of sandbox"):
        IssuingAuthority(TRYOUT, CEREMONY.issuing.certificate, CEREMONY.issuing.key, POINTS)
    with pytest.raises(SigningKeyUnusable, match="secp384r1"):
        new_root(PRODUCTION, other, at=AT, rng=RNG)
    with pytest.raises(SigningKeyUnusable, match="secp256r1"):
        new_issuing(
            PRODUCTION,
            CEREMONY.root_key.public_key(),
            root=CEREMONY.root,
            root_key=CEREMONY.root_key,
            points=POINTS,
            at=AT,
            rng=RNG,
        )


@pytest.mark.parametrize("holder", [HOLDER, RegistrarHolder("REG001")])
def test_a_holder_reads_back_from_the_certificate(holder: OperatorHolder | RegistrarHolder) -> None:
    facts = CEREMONY.issue(holder=holder)
    assert holder_of(PRODUCTION, facts) == holder
    ensure_held_by(PRODUCTION, facts, holder)


def test_a_certificate_of_another_participant_with_the_same_name_is_refused() -> None:
    namesake = CEREMONY.issue(holder=OperatorHolder("ABC002", "000001"))
    with pytest.raises(CertificateError) as caught:
        ensure_held_by(PRODUCTION, namesake, HOLDER)
    assert caught.value.reason is RefusalCode.CERTIFICATE_OF_ANOTHER_HOLDER


def test_a_holder_of_the_other_world_is_named_as_such() -> None:
    with pytest.raises(CertificateError) as caught:
        holder_of(TRYOUT, CEREMONY.issue())
    assert caught.value.reason is RefusalCode.CERTIFICATE_FOREIGN_WORLD


@pytest.mark.parametrize(("code", "number"), [("a b", "1"), ("ABC", "1:operator:2"), ("", ""), ("ABC", "一")])
def test_a_urn_carries_no_code_that_could_be_read_as_another(code: str, number: str) -> None:
    with pytest.raises(ValueError, match="URN"):
        holder_urn(PRODUCTION, OperatorHolder(code, number))


def test_private_keys_do_not_show_in_reprs() -> None:
    assert "key" not in repr(CEREMONY.issuing).lower().replace("_key", "")
