"""The authority of one world: a root, an issuing authority below it, and the certificates that it makes.

    root (P-384, kept offline) -> issuing authority (P-256, path length 0) -> operators and registrars

What is to be signed is known, and recorded by the caller, before it is signed: a crash in between leaves an Intent that
`IssuingAuthority.sign` finishes to the same certificate but for the signature's own randomness.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from service.pki.errors import CertificateError
from service.pki.keys import AllowedKey, KeyFacts, ensure_key_allowed
from service.pki.parsing import TbsCertificate, format_serial
from service.pki.profiles import (
    MAX_DAYS,
    PROFILE_RULES,
    Holder,
    Profile,
    holder_urn,
    key_usage,
    policy_of,
    subject_of,
)
from service.pki.signers import Signer, SigningKeyUnusable
from service.refusals import RefusalCode
from service.world import World

Rng = Callable[[int], bytes]
"""`secrets.token_bytes`, or a test's own."""

ROOT_YEARS = 20
ISSUING_YEARS = 6
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class StatusPoints:
    """The URLs that certificates carry: the revocation list, the OCSP responder, the issuer's certificate (DER)."""

    revocation_list: str
    ocsp: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Order:
    """What a certificate is asked for: all of it from our records, but the key."""

    profile: Profile
    holder: Holder
    legal_name: str
    key: KeyFacts
    days: int = MAX_DAYS


@dataclass(frozen=True, slots=True)
class Intent:
    """A certificate that is to be signed: record it, then sign it."""

    serial: str
    not_before: datetime
    not_after: datetime
    tbs: bytes = field(repr=False)

    @property
    def tbs_sha256(self) -> str:
        return hashlib.sha256(self.tbs).hexdigest()


def new_serial(rng: Rng) -> int:
    """128 random bits, never zero."""
    return int.from_bytes(rng(16), "big") or new_serial(rng)


def new_root(world: World, key: Signer, *, at: datetime, rng: Rng, years: int = ROOT_YEARS) -> x509.Certificate:
    """The self-signed root of a world, on P-384. Its private key belongs into a safe."""
    _ensure_curve(key, ec.SECP384R1)
    name = _authority_name(world, "Root CA")
    builder = _authority_builder(world, name, name, key.public_key(), key.public_key(), path_length=1)
    return _dated(builder, at, _years_after(at, years), rng).sign(key, hashes.SHA384())


def new_issuing(
    world: World,
    public_key: ec.EllipticCurvePublicKey,
    *,
    root: x509.Certificate,
    root_key: Signer,
    points: StatusPoints,
    at: datetime,
    rng: Rng,
    years: int = ISSUING_YEARS,
) -> x509.Certificate:
    """The issuing authority's certificate, on P-256, path length 0. `points` are those of the root."""
    _ensure_curve(public_key, ec.SECP256R1)
    _ensure_pair(root, root_key)
    name = _authority_name(world, f"Issuing CA {at.year}")
    builder = _authority_builder(world, name, root.subject, public_key, root_key.public_key(), path_length=0)
    builder = _pointing(builder, points, ocsp=False)
    not_after = _years_after(at, years)
    _ensure_within(root, not_after)
    return _dated(builder, at, not_after, rng).sign(root_key, hashes.SHA384())


@dataclass(frozen=True, slots=True)
class IssuingAuthority:
    """What makes operators' certificates. Raises SigningKeyUnusable if key, certificate and world do not fit."""

    world: World
    certificate: x509.Certificate
    key: Signer = field(repr=False)
    points: StatusPoints

    def __post_init__(self) -> None:
        _ensure_pair(self.certificate, self.key)
        _ensure_curve(self.key, ec.SECP256R1)
        policies = self.certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
        if policies != policy_of(self.world):
            raise SigningKeyUnusable(f"The issuing authority's certificate is not one of {self.world.name}.")

    def prepare(self, order: Order, *, at: datetime, rng: Rng) -> Intent:
        """The certificate to be signed, as bytes. Raises CertificateError if the key is not allowed, the life longer
        than 398 days or past the issuer's end. Not checked: whether the key is blocked, or another holder's.
        """
        if not 1 <= order.days <= MAX_DAYS:
            raise CertificateError(RefusalCode.CERTIFICATE_LIFE_TOO_LONG, days=order.days, limit=MAX_DAYS)
        not_before = at.replace(microsecond=0)
        not_after = not_before + timedelta(days=order.days) - _SECOND  # notAfter is included, RFC 5280, 4.1.2.5
        _ensure_within(self.certificate, not_after)
        serial = new_serial(rng)
        builder = self._leaf_builder(order).serial_number(serial)
        draft = builder.not_valid_before(not_before).not_valid_after(not_after).sign(_DRAFT_KEY, hashes.SHA256())
        return Intent(format_serial(serial), not_before, not_after, draft.tbs_certificate_bytes)

    def sign(self, intent: Intent) -> x509.Certificate:
        """The certificate of an intent. What the signer returned is verified before it leaves."""
        signature = self.key.sign(intent.tbs, ec.ECDSA(hashes.SHA256()))
        algorithm = asn1.decode_der(TbsCertificate, intent.tbs).signature
        signed = _Signed(
            content=asn1.decode_der(asn1.TLV, intent.tbs), algorithm=algorithm, signature=asn1.BitString(signature, 0)
        )
        certificate = x509.load_der_x509_certificate(asn1.encode_der(signed))
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        try:
            certificate.verify_directly_issued_by(self.certificate)
            if certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value != own:
                raise SigningKeyUnusable("The intent was prepared by another authority.")
        except (InvalidSignature, ValueError):
            raise SigningKeyUnusable("The signing key made a signature that does not verify.") from None
        return certificate

    def issue(self, order: Order, *, at: datetime, rng: Rng) -> x509.Certificate:
        """Prepare and sign in one step, where no crash needs to be survived."""
        return self.sign(self.prepare(order, at=at, rng=rng))

    def new_ocsp_responder(
        self, public_key: ec.EllipticCurvePublicKey, *, at: datetime, rng: Rng, days: int = 30
    ) -> x509.Certificate:
        """A delegated responder's certificate (RFC 6960, 4.2.2.2): short-lived, for nobody checks its own status."""
        name = _authority_name(self.world, "OCSP Responder")
        builder = _builder(self.world, name, self.certificate.subject, public_key, self.key.public_key())
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage("digitalSignature"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
            .add_extension(x509.OCSPNoCheck(), critical=False)
        )
        not_after = at + timedelta(days=days)
        _ensure_within(self.certificate, not_after)
        return _dated(builder, at, not_after, rng).sign(self.key, hashes.SHA256())

    def _leaf_builder(self, order: Order) -> x509.CertificateBuilder:
        rule = PROFILE_RULES[order.profile]
        subject = subject_of(self.world, order.holder, order.legal_name)
        urn = x509.UniformResourceIdentifier(holder_urn(self.world, order.holder))
        public = ensure_key_allowed(order.key)
        builder = _builder(self.world, subject, self.certificate.subject, public, self.key.public_key())
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(*rule.key_usages), critical=True)
            .add_extension(x509.ExtendedKeyUsage([rule.extended_key_usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName([urn]), critical=False)
        )
        return _pointing(builder, self.points, ocsp=True)


@asn1.sequence
class _Signed:
    """Certificate, RFC 5280, 4.1."""

    content: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString


# Signs drafts, of which only the part to be signed is kept: that part does not depend on the key, only on its kind.
_DRAFT_KEY = ec.generate_private_key(ec.SECP256R1())


def _authority_name(world: World, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, world.organization),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{world.organization} {common_name}"),
        ]
    )


def _builder(
    world: World,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: AllowedKey,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    """What every certificate of a world has, its root included."""
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=public_key)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
        .add_extension(policy_of(world), critical=True)
    )


def _authority_builder(
    world: World,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    *,
    path_length: int,
) -> x509.CertificateBuilder:
    return (
        _builder(world, subject, issuer, public_key, issuer_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(key_usage("keyCertSign", "cRLSign"), critical=True)
    )


def _pointing(builder: x509.CertificateBuilder, points: StatusPoints, *, ocsp: bool) -> x509.CertificateBuilder:
    """With the URLs of the issuer's list and certificate and, if `ocsp`, of its responder (RFC 5280, 4.2.2.1)."""
    list_url = x509.UniformResourceIdentifier(points.revocation_list)
    distribution = x509.DistributionPoint(full_name=[list_url], relative_name=None, reasons=None, crl_issuer=None)
    places = [(AuthorityInformationAccessOID.CA_ISSUERS, points.issuer)]
    if ocsp:
        places.insert(0, (AuthorityInformationAccessOID.OCSP, points.ocsp))
    access = [x509.AccessDescription(method, x509.UniformResourceIdentifier(url)) for method, url in places]
    return builder.add_extension(x509.CRLDistributionPoints([distribution]), critical=False).add_extension(
        x509.AuthorityInformationAccess(access), critical=False
    )


def _dated(builder: x509.CertificateBuilder, at: datetime, not_after: datetime, rng: Rng) -> x509.CertificateBuilder:
    last = not_after.replace(microsecond=0) - _SECOND
    return builder.not_valid_before(at.replace(microsecond=0)).not_valid_after(last).serial_number(new_serial(rng))


def _years_after(at: datetime, years: int) -> datetime:
    """The same day of a later year; the first of March for a 29 February that the year does not have."""
    try:
        return at.replace(year=at.year + years)
    except ValueError:
        return at.replace(year=at.year + years, month=3, day=1)


def _ensure_within(issuer: x509.Certificate, not_after: datetime) -> None:
    if not_after > issuer.not_valid_after_utc + _SECOND:
        ends = issuer.not_valid_after_utc.isoformat()
        raise CertificateError(RefusalCode.CERTIFICATE_OUTLIVES_ISSUER, issuer_ends=ends)


def _ensure_curve(key: Signer | ec.EllipticCurvePublicKey, curve: type[ec.EllipticCurve]) -> None:
    if not isinstance(key.curve, curve):
        raise SigningKeyUnusable(f"This authority's key must be on {curve.name}, not on {key.curve.name}.")


def _ensure_pair(certificate: x509.Certificate, key: Signer) -> None:
    if certificate.public_key() != key.public_key():
        raise SigningKeyUnusable("The signing key does not belong to the authority's certificate.")
