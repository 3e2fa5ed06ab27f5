"""Every chain that must be refused is refused, each for its own reason."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from service.pki.authority import IssuingAuthority, Order, new_issuing
from service.pki.chain import ChainRules, ChainStatus, ChainVerifier, rules_of
from service.pki.errors import CertificateError
from service.pki.keys import facts_of
from service.pki.parsing import CertificateFacts, parse_certificate, read_certificate
from service.pki.profiles import Profile, key_usage, policy_of
from service.refusals import RefusalCode
from service.world import PRODUCTION
from tests.service.pki.authorities import HOLDER, POINTS, RNG, TRYOUT, Ceremony, make_ceremony
from tests.service.pki.making import AT, KEY, make_name

LIVE = make_ceremony(PRODUCTION)
SANDBOX = make_ceremony(TRYOUT)
SOON = AT + timedelta(days=1)


def refusal(
    ceremony: Ceremony, leaf: CertificateFacts, above: Sequence[x509.Certificate] | None = None, **changes: object
) -> RefusalCode:
    intermediates = [ceremony.issuing.certificate] if above is None else above
    at = changes.pop("at", SOON)
    verifier = ceremony.verifier(**changes)  # type: ignore[arg-type]  # profile=
    with pytest.raises(CertificateError) as caught:
        verifier.verify(leaf, intermediates, at)  # type: ignore[arg-type]  # a datetime
    verdict = verifier.judge(leaf, intermediates, at)  # type: ignore[arg-type]  # a datetime
    assert verdict.error is not None
    assert verdict.error.reason is caught.value.reason
    return caught.value.reason


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("ceremony", [LIVE, SANDBOX])
def test_a_certificate_of_the_world_leads_to_its_root(ceremony: Ceremony, profile: Profile) -> None:
    leaf = ceremony.issue(profile)
    chain = ceremony.verifier(profile).verify(leaf, [ceremony.issuing.certificate], SOON)
    assert chain == (leaf.certificate, ceremony.issuing.certificate, ceremony.root)
    assert ceremony.verifier(profile).judge(leaf, chain[1:2], SOON).status is ChainStatus.VERIFIED


@pytest.mark.parametrize(("here", "there"), [(LIVE, SANDBOX), (SANDBOX, LIVE)])
def test_a_certificate_of_the_other_world_is_refused_as_such(here: Ceremony, there: Ceremony) -> None:
    assert refusal(here, there.issue(), [there.issuing.certificate]) is RefusalCode.CERTIFICATE_FOREIGN_WORLD
    unmarked = make_leaf(there, policies=None)
    assert refusal(here, unmarked, [there.issuing.certificate]) is RefusalCode.CERTIFICATE_POLICY_MISSING
    disguised = make_leaf(there, policies=policy_of(here.issuing.world))
    assert refusal(here, disguised, [there.issuing.certificate]) is RefusalCode.CERTIFICATE_FOREIGN_WORLD


def test_an_authority_of_the_other_policy_under_our_own_root_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    strayed = new_issuing(
        TRYOUT, key.public_key(), root=LIVE.root, root_key=LIVE.root_key, points=POINTS, at=AT, rng=RNG
    )
    leaf = make_leaf(Ceremony(LIVE.root, LIVE.root_key, IssuingAuthority(TRYOUT, strayed, key, POINTS)))
    disguised = make_leaf(
        Ceremony(LIVE.root, LIVE.root_key, IssuingAuthority(TRYOUT, strayed, key, POINTS)),
        policies=policy_of(PRODUCTION),
    )
    assert refusal(LIVE, leaf, [strayed]) is RefusalCode.CERTIFICATE_FOREIGN_WORLD
    assert refusal(LIVE, disguised, [strayed]) is RefusalCode.CERTIFICATE_FOREIGN_WORLD


def test_a_certificate_made_by_an_operator_is_refused() -> None:
    operator = LIVE.issue()
    forged = make_leaf(Ceremony(LIVE.root, LIVE.root_key, LIVE.issuing), issuer=operator.certificate, key=KEY)
    above = [operator.certificate, LIVE.issuing.certificate]
    assert refusal(LIVE, forged, above) is RefusalCode.CERTIFICATE_ISSUER_NOT_AUTHORITY


def test_a_sub_authority_below_the_issuing_one_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    sub = make_leaf(LIVE, authority=True, subject_key=key)
    leaf = make_leaf(LIVE, issuer=sub.certificate, key=key)
    assert refusal(LIVE, leaf, [sub.certificate, LIVE.issuing.certificate]) is RefusalCode.CERTIFICATE_CHAIN_INVALID
    assert refusal(LIVE, sub) is RefusalCode.CERTIFICATE_IS_AUTHORITY


def test_an_expired_issuer_is_told_from_an_expired_certificate() -> None:
    short = make_ceremony(years=2)
    late = short.issuing.certificate.not_valid_after_utc + timedelta(seconds=1)
    outliving = make_leaf(short, days=397, at=late - timedelta(days=30))
    assert refusal(short, outliving, at=late) is RefusalCode.CERTIFICATE_ISSUER_EXPIRED
    assert refusal(short, short.issue(), at=late) is RefusalCode.CERTIFICATE_EXPIRED


def test_an_expired_root_ends_its_chains() -> None:
    late = LIVE.root.not_valid_after_utc + timedelta(days=1)
    leaf = make_leaf(LIVE, at=late - timedelta(days=30))
    issuing = reissued(LIVE.issuing.certificate, LIVE, days=400, at=late - timedelta(days=60))
    assert refusal(LIVE, leaf, [issuing], at=late) is RefusalCode.CERTIFICATE_ISSUER_EXPIRED


def test_both_ends_of_validity_are_included() -> None:
    leaf = LIVE.issue()
    verifier, above = LIVE.verifier(), [LIVE.issuing.certificate]
    assert verifier.verify(leaf, above, leaf.not_before)
    assert verifier.verify(leaf, above, leaf.not_after)
    second = timedelta(seconds=1)
    assert refusal(LIVE, leaf, at=leaf.not_before - second) is RefusalCode.CERTIFICATE_NOT_YET_VALID
    assert refusal(LIVE, leaf, at=leaf.not_after + second) is RefusalCode.CERTIFICATE_EXPIRED


def test_a_foreign_root_is_refused_though_it_is_named_like_ours() -> None:
    double = make_ceremony(PRODUCTION)
    leaf = double.issue()
    assert refusal(LIVE, leaf, [double.issuing.certificate]) is RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED
    assert refusal(LIVE, leaf, [double.issuing.certificate, double.root]) is RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED


@pytest.mark.parametrize(
    ("organization", "reason"),
    [
        ("PROP", RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED),  # named like ours: it seems to sign itself
        ("ELSEWHERE", RefusalCode.CERTIFICATE_CHAIN_INVALID),  # an authority too many
    ],
)
def test_a_foreign_root_cross_signed_by_ours_is_refused(organization: str, reason: RefusalCode) -> None:
    foreign = make_ceremony(replace(PRODUCTION, organization=organization))
    above = [foreign.issuing.certificate, reissued(foreign.root, LIVE)]
    assert refusal(LIVE, foreign.issue(), above) is reason


def test_our_root_cross_signed_by_a_foreign_one_leads_nowhere_but_to_our_pin() -> None:
    foreign = make_ceremony(replace(PRODUCTION, organization="ELSEWHERE"))
    crossed = reissued(LIVE.root, foreign)
    leaf = LIVE.issue()
    assert LIVE.verifier().verify(leaf, [LIVE.issuing.certificate, crossed], SOON)[-1] == LIVE.root
    above = [LIVE.issuing.certificate, crossed]
    assert refusal(foreign, leaf, above) is RefusalCode.CERTIFICATE_CHAIN_INVALID
    assert refusal(foreign, leaf, above[:1]) is RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED


def test_an_unknown_issuer_and_a_changed_certificate_are_refused() -> None:
    leaf = LIVE.issue()
    assert refusal(LIVE, leaf, []) is RefusalCode.CERTIFICATE_ISSUER_UNKNOWN
    changed = bytearray(leaf.der)
    changed[-1] ^= 1
    assert refusal(LIVE, parse_certificate(bytes(changed))) is RefusalCode.CERTIFICATE_ISSUER_UNKNOWN


def test_a_login_certificate_seals_nothing_and_a_seal_opens_nothing() -> None:
    login, seal = LIVE.issue(Profile.LOGIN), LIVE.issue(Profile.SEAL)
    assert refusal(LIVE, login, profile=Profile.SEAL) is RefusalCode.CERTIFICATE_USAGE_WRONG
    assert refusal(LIVE, seal, profile=Profile.LOGIN) is RefusalCode.CERTIFICATE_USAGE_WRONG
    both = make_leaf(LIVE, usages=("digitalSignature", "contentCommitment"))
    assert refusal(LIVE, both) is RefusalCode.CERTIFICATE_USAGE_WRONG


def test_a_certificate_of_ten_years_is_refused() -> None:
    assert refusal(LIVE, make_leaf(LIVE, days=400)) is RefusalCode.CERTIFICATE_LIFE_TOO_LONG


def test_a_root_that_is_not_pinned_is_not_configured() -> None:
    with pytest.raises(CertificateError):
        ChainVerifier(rules_of(PRODUCTION, Profile.LOGIN), [SANDBOX.root], LIVE.pins)


def test_a_heap_of_certificates_is_not_searched() -> None:
    assert refusal(LIVE, LIVE.issue(), [SANDBOX.root] * 9) is RefusalCode.CERTIFICATE_CHAIN_INVALID


def test_an_outside_authority_has_rules_of_its_own() -> None:
    """An RSA authority that knows no policies and no SAN, and lets certificates live three years."""
    key = rsa.generate_private_key(65537, 2048)
    name = make_name("Outside CA")
    usual = x509.BasicConstraints(ca=True, path_length=0)
    root = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, AT, AT + timedelta(days=3650))
        .add_extension(usual, critical=True)
        .add_extension(key_usage("keyCertSign", "cRLSign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    leaf = read_certificate(
        x509.CertificateBuilder(name, make_name("operator"), KEY.public_key(), 2, AT, AT + timedelta(days=1000))
        .add_extension(key_usage("digitalSignature"), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    rules = ChainRules("OUTSIDE", frozenset(), frozenset({"digitalSignature"}), max_days=1_100)
    pins = {root.fingerprint(hashes.SHA256()).hex()}
    assert ChainVerifier(rules, [root], pins).verify(leaf, [], SOON)[-1] == root
    with pytest.raises(CertificateError) as caught:
        ChainVerifier(replace(rules, max_days=398), [root], pins).verify(leaf, [], SOON)
    assert caught.value.reason is RefusalCode.CERTIFICATE_LIFE_TOO_LONG
    assert refusal(LIVE, leaf, [root]) is RefusalCode.CERTIFICATE_LIFE_TOO_LONG


@pytest.mark.process
def test_an_sm2_certificate_is_never_verified(tmp_path: Path) -> None:
    for command in (
        ["genpkey", "-algorithm", "SM2", "-out", "key.pem"],
        ["req", "-new", "-x509", "-key", "key.pem", "-sm3", "-subj", "/CN=sm2", "-out", "certificate.pem"],
    ):
        subprocess.run(["openssl", *command], cwd=tmp_path, check=True, capture_output=True)
    leaf = parse_certificate((tmp_path / "certificate.pem").read_bytes())
    verdict = LIVE.verifier().judge(leaf, [LIVE.issuing.certificate, leaf.certificate], AT)
    assert verdict.status is ChainStatus.UNSUPPORTED_ALGORITHM
    assert verdict.error is not None
    assert verdict.error.reason is RefusalCode.CERTIFICATE_ALGORITHM_UNSUPPORTED
    assert refusal(LIVE, LIVE.issue(), [leaf.certificate]) is RefusalCode.CERTIFICATE_ISSUER_UNKNOWN


@pytest.mark.process
@pytest.mark.parametrize("profile", list(Profile))
def test_openssl_verifies_what_we_verify(profile: Profile, tmp_path: Path) -> None:
    leaf = LIVE.issue(profile)
    for name, certificate in (("leaf", leaf.certificate), ("issuing", LIVE.issuing.certificate), ("root", LIVE.root)):
        (tmp_path / name).write_bytes(certificate.public_bytes(Encoding.PEM))

    def verify(at_seconds: float, policy: str) -> str:
        moment = ["-attime", str(int(at_seconds)), "-explicit_policy", "-policy", policy]
        command = ["openssl", "verify", "-x509_strict", *moment, "-CAfile", "root", "-untrusted", "issuing", "leaf"]
        done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
        return done.stdout + done.stderr

    assert "leaf: OK" in verify(SOON.timestamp(), PRODUCTION.policy_oid)
    assert "expired" in verify(leaf.not_after.timestamp() + 2, PRODUCTION.policy_oid)
    assert "policy" in verify(SOON.timestamp(), TRYOUT.policy_oid)


def make_leaf(
    ceremony: Ceremony,
    *,
    issuer: x509.Certificate | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
    subject_key: ec.EllipticCurvePrivateKey = KEY,
    policies: x509.CertificatePolicies | str | None = "own",
    usages: Sequence[str] = ("digitalSignature",),
    authority: bool = False,
    days: int = 90,
    at: object = AT,
) -> CertificateFacts:
    """A certificate that our own authority would not make."""
    certificate, signer = issuer or ceremony.issuing.certificate, key or ceremony.issuing.key
    assert isinstance(at, type(AT))
    builder = x509.CertificateBuilder(
        certificate.subject, make_name("strange"), subject_key.public_key(), 77, at, at + timedelta(days=days)
    )
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(key_usage(*(("keyCertSign", "cRLSign") if authority else usages)), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier("urn:a:b")]), critical=False)
    )
    if policies is not None:
        marked = policy_of(ceremony.issuing.world) if isinstance(policies, str) else policies
        builder = builder.add_extension(marked, critical=True)
    return read_certificate(builder.sign(signer, hashes.SHA256()))


def reissued(certificate: x509.Certificate, by: Ceremony, *, days: int = 3_000, at: object = AT) -> x509.Certificate:
    """The same authority, name and key, certified by another root."""
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(at, type(AT))
    builder = x509.CertificateBuilder(by.root.subject, certificate.subject, public, 78, at, at + timedelta(days=days))
    for extension in certificate.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, extension.critical)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.root_key.public_key())
    return builder.add_extension(above, critical=False).sign(by.root_key, hashes.SHA384())


def test_the_order_keeps_key_and_holder_together() -> None:
    order = Order(Profile.LOGIN, HOLDER, "Broker", facts_of(KEY.public_key()))
    assert LIVE.issuing.prepare(order, at=AT, rng=RNG).tbs.count(b"ABC001") >= 2
