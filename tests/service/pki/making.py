"""Certificates, requests and lists made for tests, right ones and nasty ones."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto import core
from asn1crypto import crl as loose_lists
from asn1crypto import csr as loose_requests
from asn1crypto import x509 as loose
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def make_name(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


def make_certificate(
    subject: x509.Name | None = None,
    *,
    serial: int = 0x0F55EF,
    not_before: datetime = AT,
    not_after: datetime = AT + timedelta(days=90),
    key: CertificateIssuerPrivateKeyTypes = KEY,
    extensions: Sequence[x509.ExtensionType] = (),
) -> x509.Certificate:
    """A self-signed certificate outside every profile."""
    name = make_name("nobody") if subject is None else subject
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, not_before, not_after)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256() if isinstance(key, ec.EllipticCurvePrivateKey) else None)


def make_request(key: CertificateIssuerPrivateKeyTypes = KEY, subject: x509.Name | None = None) -> bytes:
    builder = x509.CertificateSigningRequestBuilder(make_name("claimed") if subject is None else subject)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("claimed.example")]), critical=False)
    algorithm = None if type(key).__name__.startswith("Ed25519") else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


def make_revocation_list(entries: int = 3) -> bytes:
    builder = x509.CertificateRevocationListBuilder(make_name("issuer"), AT, AT + timedelta(days=1))
    builder = builder.add_extension(x509.CRLNumber(7), critical=False)
    for serial in range(1, entries + 1):
        entry = x509.RevokedCertificateBuilder(serial, AT).add_extension(
            x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False
        )
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def make_nasty_certificates() -> dict[str, bytes]:
    """Files of the kind that public suites of malformed certificates hold, by what is wrong with them."""
    plain = make_certificate(extensions=[x509.BasicConstraints(ca=False, path_length=None)])
    der = plain.public_bytes(Encoding.DER)
    names = [x509.DNSName(f"host-{number}.example") for number in range(100)]
    with_names = make_certificate(extensions=[x509.SubjectAlternativeName(names)])
    return {
        "negative serial": _altered(der, "serial_number", -5),
        "serial zero": _altered(der, "serial_number", 0),
        "serial of 40 octets": _altered(der, "serial_number", 1 << 319),
        "duplicated extension": _doubled_extension(der),
        "year 2050": _dated(der, core.GeneralizedTime(datetime(2050, 1, 1, tzinfo=UTC))),
        "year 9999": _dated(der, core.GeneralizedTime(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))),
        "100 names": with_names.public_bytes(Encoding.DER),
        "NUL in a name": make_certificate(make_name("broker\0.example")).public_bytes(Encoding.DER),
        "wrong version": _altered(der, "version", 7),
        "trailing bytes": der + b"\0\0",
        "truncated": der[:-9],
        "huge OID": _huge_oid(der),
        "indefinite length": b"\x30\x80" + der[4:] + b"\0\0",
        "overlong length": b"\x30\x83\0" + der[2:],
        "empty subject": make_certificate(x509.Name([])).public_bytes(Encoding.DER),
        "key off its curve": _off_curve(der),
        "deeply nested": b"\x30\x80" * 20_000,
        "length of 2^63": b"\x30\x88\x7f" + b"\xff" * 7 + der,
        "nothing": b"",
        "not UTF-8": b"-----BEGIN CERTIFICATE-----\xff\xfe-----END CERTIFICATE-----",
        "half an armour": b"-----BEGIN CERTIFICATE-----\nMIIB",
    }


def make_nasty_requests() -> dict[str, bytes]:
    """The same of PKCS#10 requests. What is changed after signing proves no possession either."""
    der, builder = make_request(), x509.CertificateSigningRequestBuilder(make_name("claimed"))
    names = [x509.DNSName(f"host-{number}.example") for number in range(100)]
    many = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(KEY, hashes.SHA256())
    version = b"\x02\x01\x00\x30"  # v1, then the subject
    place = der.index(version)
    return {
        "wrong version": der[:place] + b"\x02\x01\x07\x30" + der[place + 4 :],
        "negative version": der[:place] + b"\x02\x01\xff\x30" + der[place + 4 :],
        "trailing bytes": der + b"\0\0",
        "truncated": der[:-9],
        "indefinite length": b"\x30\x80" + der[4:] + b"\0\0",
        "key off its curve": _off_curve(der),
        "duplicated extension": _doubled_request_extension(der),
        "100 names": many.public_bytes(Encoding.DER),
        "NUL in a name": make_request(subject=make_name("broker\0.example")),
        "nothing": b"",
    }


def make_nasty_lists() -> dict[str, bytes]:
    """The same of revocation lists."""
    der = make_revocation_list(2)
    return {
        "negative serial": _altered_list(
            der, lambda tbs: tbs["revoked_certificates"][0].__setitem__("user_certificate", -5)
        ),
        "duplicated extension": _altered_list(
            der, lambda tbs: tbs["crl_extensions"].append(tbs["crl_extensions"][0].copy())
        ),
        "wrong version": _altered_list(der, lambda tbs: tbs.__setitem__("version", 7)),
        "year 2050": _altered_list(der, lambda tbs: tbs.__setitem__("next_update", _time(2050))),
        "year 9999": _altered_list(der, lambda tbs: tbs.__setitem__("next_update", _time(9999))),
        "trailing bytes": der + b"\0\0",
        "truncated": der[:-9],
        "indefinite length": b"\x30\x80" + der[4:] + b"\0\0",
        "length of 2^63": b"\x30\x88\x7f" + b"\xff" * 7 + der,
        "nothing": b"",
    }


def _altered_list(der: bytes, change: Callable[[Any], None]) -> bytes:
    revocations = loose_lists.CertificateList.load(der)
    change(revocations["tbs_cert_list"])
    return revocations.dump(force=True)


def _time(year: int) -> loose.Time:
    return loose.Time(name="general_time", value=core.GeneralizedTime(datetime(year, 1, 1, tzinfo=UTC)))


def _doubled_request_extension(der: bytes) -> bytes:
    request = loose_requests.CertificationRequest.load(der)
    extensions = request["certification_request_info"]["attributes"][0]["values"][0]
    extensions.append(extensions[0].copy())
    return request.dump(force=True)


def _altered(der: bytes, field: str, value: int) -> bytes:
    certificate = loose.Certificate.load(der)
    if field == "version":
        raw = certificate["tbs_certificate"].dump()
        return _wrapped(raw.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01" + bytes([value])), certificate)
    certificate["tbs_certificate"][field] = value
    return certificate.dump(force=True)


def _doubled_extension(der: bytes) -> bytes:
    certificate = loose.Certificate.load(der)
    extensions = certificate["tbs_certificate"]["extensions"]
    extensions.append(extensions[0].copy())
    return certificate.dump(force=True)


def _huge_oid(der: bytes) -> bytes:
    certificate = loose.Certificate.load(der)
    extension = certificate["tbs_certificate"]["extensions"][0]
    extension["extn_id"] = loose.ExtensionId.load(b"\x06\x40" + b"\xff" * 63 + b"\x7f")
    return certificate.dump(force=True)


def _dated(der: bytes, not_after: core.GeneralizedTime) -> bytes:
    certificate = loose.Certificate.load(der)
    certificate["tbs_certificate"]["validity"]["not_after"] = loose.Time(name="general_time", value=not_after)
    return certificate.dump(force=True)


def _off_curve(der: bytes) -> bytes:
    point = KEY.public_key().public_numbers().y.to_bytes(32, "big")
    return der.replace(point, bytes(31) + b"\x01")


def _wrapped(tbs: bytes, certificate: loose.Certificate) -> bytes:
    body = tbs + certificate["signature_algorithm"].dump() + certificate["signature_value"].dump()
    return b"\x30\x82" + len(body).to_bytes(2, "big") + body
