"""Foreign bytes become facts, or a CertificateError: certificates, certificate requests, revocation lists.

Every function here is total. None of them says that what was parsed may be trusted: that is `chain` and `keys`.
"""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from service.pki.errors import CertificateError, refusing
from service.pki.keys import KeyFacts, read_key
from service.pki.private_keys import ensure_no_private_key
from service.refusals import RefusalCode

MAX_CERTIFICATE_BYTES = 65_536
MAX_LIST_BYTES = 32 * 1024 * 1024
_MAX_SERIAL_BITS = 159  # 20 octets, RFC 5280, 4.1.2.2

_ACCEPTED_HASHES = frozenset({"sha256", "sha384", "sha512"})
_VERIFIABLE_SIGNATURES = {
    "1.2.840.10045.4.3.2": "ECDSA-SHA256",
    "1.2.840.10045.4.3.3": "ECDSA-SHA384",
    "1.2.840.10045.4.3.4": "ECDSA-SHA512",
    "1.2.840.113549.1.1.10": "RSA-PSS",
    "1.2.840.113549.1.1.11": "RSA-SHA256",
    "1.2.840.113549.1.1.12": "RSA-SHA384",
    "1.2.840.113549.1.1.13": "RSA-SHA512",
    "1.3.101.112": "Ed25519",
}
_SIGNATURES = _VERIFIABLE_SIGNATURES | {"1.2.156.10197.1.501": "SM2-SM3", "1.2.840.113549.1.1.5": "RSA-SHA1"}
_ATTRIBUTE_NAMES = {
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
    NameOID.EMAIL_ADDRESS: "emailAddress",
}
_NAME_PREFIXES: dict[type[x509.GeneralName], str] = {
    x509.UniformResourceIdentifier: "URI",
    x509.DNSName: "DNS",
    x509.RFC822Name: "email",
    x509.IPAddress: "IP",
}
_PEM = re.compile(rb"-----BEGIN ([^-\r\n]{1,64})-----(.*?)-----END \1-----", re.DOTALL)

Extension = TypeVar("Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says of itself. Serials are upper-case hexadecimal, hashes lower-case, times aware UTC.

    `alternative_names` are written `URI:urn:...`, `DNS:...`; usages and policies are dotted OIDs.
    """

    serial: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    key: KeyFacts
    signature_algorithm: str
    alternative_names: tuple[str, ...]
    key_usages: frozenset[str]
    extended_key_usages: tuple[str, ...]
    policies: tuple[str, ...]
    subject_key_id: str | None
    authority_key_id: str | None
    is_authority: bool
    path_length: int | None
    der: bytes = field(repr=False)
    certificate: x509.Certificate = field(repr=False, compare=False)

    @property
    def unverifiable(self) -> str | None:
        """The algorithm that can be shown but not verified here (SM2, for one), of the key or of the signature."""
        if self.key.public is None:
            return self.key.name
        known = self.signature_algorithm in _VERIFIABLE_SIGNATURES.values()
        return None if known else self.signature_algorithm


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """A PKCS#10 request whose signature proves possession of its key. Names are claims: certificates take ours."""

    subject: str
    key: KeyFacts
    signature_algorithm: str
    alternative_names: tuple[str, ...]
    fingerprint: str
    der: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RevocationListFacts:
    """What a revocation list says of itself. Its signature is checked by `chain.verify_revocation_list`."""

    issuer: str
    number: int | None
    this_update: datetime
    next_update: datetime | None
    entries: int
    fingerprint: str
    authority_key_id: str | None
    revocation_list: x509.CertificateRevocationList = field(repr=False, compare=False)


def parse_certificate(data: bytes) -> CertificateFacts:
    """The facts of exactly one certificate, PEM or DER, at most 64 KiB; SM2 and unknown algorithms included.

    Raises CertificateError, whatever the bytes. Not checked: signature, dates, chain, revocation, holder.
    """
    with refusing(RefusalCode.CERTIFICATE_MALFORMED):
        der = _single_der(data, MAX_CERTIFICATE_BYTES, b"CERTIFICATE", b"X509 CERTIFICATE")
        return read_certificate(x509.load_der_x509_certificate(der))


def read_certificate(certificate: x509.Certificate) -> CertificateFacts:
    """The facts of a loaded certificate. Raises what its content sets off: for certificates whose maker is trusted."""
    extensions = certificate.extensions
    constraints = _extension(extensions, x509.BasicConstraints)
    key_id = _extension(extensions, x509.SubjectKeyIdentifier)
    authority_key_id = _extension(extensions, x509.AuthorityKeyIdentifier)
    names = _extension(extensions, x509.SubjectAlternativeName)
    policies = _extension(extensions, x509.CertificatePolicies)
    usages = _extension(extensions, x509.ExtendedKeyUsage)
    der = certificate.public_bytes(Encoding.DER)
    return CertificateFacts(
        serial=format_serial(certificate.serial_number),
        subject=format_name(certificate.subject),
        issuer=format_name(certificate.issuer),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=hashlib.sha256(der).hexdigest(),
        key=read_key(_certificate_spki(certificate)),
        signature_algorithm=_signature_name(certificate.signature_algorithm_oid),
        alternative_names=tuple(map(_name_text, names or ())),
        key_usages=_key_usages(_extension(extensions, x509.KeyUsage)),
        extended_key_usages=tuple(usage.dotted_string for usage in usages or ()),
        policies=tuple(policy.policy_identifier.dotted_string for policy in policies or ()),
        subject_key_id=key_id.digest.hex() if key_id else None,
        authority_key_id=_hex(authority_key_id.key_identifier) if authority_key_id else None,
        is_authority=bool(constraints and constraints.ca),
        path_length=constraints.path_length if constraints else None,
        der=der,
        certificate=certificate,
    )


def parse_request(data: bytes) -> RequestFacts:
    """The facts of exactly one PKCS#10 request, PEM or DER, whose key has signed it with an accepted algorithm.

    Raises CertificateError, whatever the bytes. Not checked: whether the key is good (`keys.ensure_key_allowed`).
    """
    with refusing(RefusalCode.CERTIFICATE_REQUEST_MALFORMED):
        der = _single_der(data, MAX_CERTIFICATE_BYTES, b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST")
        request = x509.load_der_x509_csr(der)
        key = read_key(_encoded(asn1.decode_der(_TbsRequest, request.tbs_certrequest_bytes).key))
        names = _extension(request.extensions, x509.SubjectAlternativeName)
        _ensure_possession(request, key)
        return RequestFacts(
            subject=format_name(request.subject),
            key=key,
            signature_algorithm=_signature_name(request.signature_algorithm_oid),
            alternative_names=tuple(map(_name_text, names or ())),
            fingerprint=hashlib.sha256(der).hexdigest(),
            der=der,
        )


def parse_revocation_list(data: bytes) -> RevocationListFacts:
    """The facts of exactly one revocation list, PEM or DER, at most 32 MiB. Every entry is read.

    Raises CertificateError, whatever the bytes. Not checked: signature, dates.
    """
    with refusing(RefusalCode.CERTIFICATE_LIST_MALFORMED):
        der = _single_der(data, MAX_LIST_BYTES, b"X509 CRL")
        revocations = x509.load_der_x509_crl(der)
        for entry in revocations:
            _ = entry.serial_number, entry.revocation_date_utc, entry.extensions
        number = _extension(revocations.extensions, x509.CRLNumber)
        authority_key_id = _extension(revocations.extensions, x509.AuthorityKeyIdentifier)
        return RevocationListFacts(
            issuer=format_name(revocations.issuer),
            number=number.crl_number if number else None,
            this_update=revocations.last_update_utc,
            next_update=revocations.next_update_utc,
            entries=len(revocations),
            fingerprint=hashlib.sha256(der).hexdigest(),
            authority_key_id=_hex(authority_key_id.key_identifier) if authority_key_id else None,
            revocation_list=revocations,
        )


def format_serial(number: int) -> str:
    """A serial number as upper-case hexadecimal without leading zeros; ValueError outside RFC 5280's 1..2^159."""
    if number < 1 or number.bit_length() > _MAX_SERIAL_BITS:
        raise ValueError("serial numbers are positive and at most 20 octets long")
    return f"{number:X}"


def parse_serial(text: str) -> int:
    """A serial number as people copy it (`0f:55:EF`, `0x0F55EF`, `0f55ef`); ValueError for anything else."""
    digits = re.sub(r"[:\s]", "", text).removeprefix("0x")
    if not re.fullmatch(r"[0-9A-Fa-f]{1,48}", digits):
        raise ValueError("a serial number is written in hexadecimal")
    number = int(digits, 16)
    format_serial(number)
    return number


def _single_der(data: bytes, limit: int, *labels: bytes) -> bytes:
    if len(data) > limit:
        raise CertificateError(RefusalCode.CERTIFICATE_INPUT_TOO_LARGE, size=len(data), limit=limit)
    ensure_no_private_key(data)
    if b"-----BEGIN" not in data:
        return data
    count = data.count(b"-----BEGIN")
    block = _PEM.search(data) if count == 1 else None
    if block is None or block[1] not in labels:
        wanted = labels[0].decode()
        raise CertificateError(RefusalCode.CERTIFICATE_INPUT_NOT_ONE, wanted=wanted, count=count)
    return base64.b64decode(re.sub(rb"\s", b"", block[2]), validate=True)


def _ensure_possession(request: x509.CertificateSigningRequest, key: KeyFacts) -> None:
    name = _signature_name(request.signature_algorithm_oid)
    if key.public is None:
        raise CertificateError(RefusalCode.CERTIFICATE_ALGORITHM_UNSUPPORTED, algorithm=key.name)
    try:
        digest = request.signature_hash_algorithm
        if digest is not None and digest.name not in _ACCEPTED_HASHES:
            raise CertificateError(RefusalCode.CERTIFICATE_SIGNATURE_WEAK, found=digest.name)
        proven = request.is_signature_valid
    except UnsupportedAlgorithm:
        raise CertificateError(RefusalCode.CERTIFICATE_ALGORITHM_UNSUPPORTED, algorithm=name) from None
    if not proven:
        raise CertificateError(RefusalCode.CERTIFICATE_POSSESSION_UNPROVEN)


def _extension(extensions: x509.Extensions, kind: type[Extension]) -> Extension | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _key_usages(usage: x509.KeyUsage | None) -> frozenset[str]:
    if usage is None:
        return frozenset()
    names = {
        "digitalSignature": usage.digital_signature,
        "contentCommitment": usage.content_commitment,
        "keyEncipherment": usage.key_encipherment,
        "dataEncipherment": usage.data_encipherment,
        "keyAgreement": usage.key_agreement,
        "keyCertSign": usage.key_cert_sign,
        "cRLSign": usage.crl_sign,
    }
    return frozenset(name for name, present in names.items() if present)


def format_name(name: x509.Name) -> str:
    """RFC 4514, last attribute first, with the names of attributes that people know."""
    return name.rfc4514_string(_ATTRIBUTE_NAMES)


def _name_text(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DirectoryName):
        return f"dirName:{format_name(name.value)}"
    if isinstance(name, x509.RegisteredID):
        return f"RID:{name.value.dotted_string}"
    if isinstance(name, x509.OtherName):
        return f"otherName:{name.type_id.dotted_string}"
    return f"{_NAME_PREFIXES[type(name)]}:{name.value}"


def _signature_name(oid: x509.ObjectIdentifier) -> str:
    return _SIGNATURES.get(oid.dotted_string, oid.dotted_string)


def _hex(value: bytes | None) -> str | None:
    return value.hex() if value is not None else None


@asn1.sequence
class TbsCertificate:
    """RFC 5280, 4.1: read for the one part that cryptography does not give as it stands, the public key."""

    version: Annotated[int, asn1.Explicit(0), asn1.Default(0)]
    serial: int
    signature: asn1.TLV
    issuer: asn1.TLV
    validity: asn1.TLV
    subject: asn1.TLV
    key: asn1.TLV
    issuer_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[asn1.TLV] | None, asn1.Explicit(3)]


@asn1.sequence
class _TbsRequest:
    """RFC 2986, 4.1."""

    version: int
    subject: asn1.TLV
    key: asn1.TLV
    attributes: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]


def _certificate_spki(certificate: x509.Certificate) -> bytes:
    return _encoded(asn1.decode_der(TbsCertificate, certificate.tbs_certificate_bytes).key)


def _encoded(value: asn1.TLV) -> bytes:
    return asn1.encode_der(value)
