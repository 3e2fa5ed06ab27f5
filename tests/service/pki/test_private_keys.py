"""A private key pasted anywhere is found, refused and never quoted."""

import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from service.pki.errors import CertificateError
from service.pki.parsing import parse_certificate, parse_request, parse_revocation_list
from service.refusals import RefusalCode
from tests.service.pki.making import AT, KEY, make_certificate, make_name, make_request

KEYS = {
    "EC": ec.generate_private_key(ec.SECP384R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "DSA": dsa.generate_private_key(2048),
}
FORMATS = {
    "PKCS#8": PrivateFormat.PKCS8,
    "traditional": PrivateFormat.TraditionalOpenSSL,
    "OpenSSH": PrivateFormat.OpenSSH,
}
LOCK = BestAvailableEncryption(b"a passphrase of the test")


def pasted() -> dict[str, bytes]:
    forms: dict[str, bytes] = {}
    for name, key in KEYS.items():
        for label, kind in FORMATS.items():
            if (name, label) in {("Ed25519", "traditional"), ("DSA", "OpenSSH")}:
                continue
            forms[f"{name} {label} PEM"] = key.private_bytes(Encoding.PEM, kind, NoEncryption())
            if label != "OpenSSH":
                forms[f"{name} {label} DER"] = key.private_bytes(Encoding.DER, kind, NoEncryption())
        forms[f"{name} encrypted PEM"] = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, LOCK)
        forms[f"{name} encrypted DER"] = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, LOCK)
    certificate = make_certificate()
    forms["PKCS#12"] = pkcs12.serialize_key_and_certificates(b"me", KEY, certificate, None, LOCK)
    der, pem = forms["EC PKCS#8 DER"], forms["EC encrypted PEM"]
    certificate_pem = certificate.public_bytes(Encoding.PEM)
    forms["behind a certificate"] = certificate_pem + pem
    forms["before a request"] = pem + make_request()
    forms["appended DER"] = certificate.public_bytes(Encoding.DER) + der
    forms["labelled a certificate"] = (
        b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"
    )
    forms["bare base64"] = base64.b64encode(der)
    forms["UTF-16"] = pem.decode().encode("utf-16")
    forms["JWK"] = json.dumps({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}).encode()
    forms["PuTTY"] = b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n"
    return forms


PASTED = pasted()


@pytest.mark.parametrize("form", sorted(PASTED))
@pytest.mark.parametrize("parse", [parse_certificate, parse_request, parse_revocation_list])
def test_a_private_key_is_refused_and_not_quoted(form: str, parse: object) -> None:
    with pytest.raises(CertificateError) as caught:
        parse(PASTED[form])  # type: ignore[operator]  # a parametrised function
    assert caught.value.reason is RefusalCode.CERTIFICATE_PRIVATE_KEY_PASTED
    shown = repr(caught.value) + str(caught.value) + repr(caught.value.refusals)
    assert not any(PASTED[form].decode("latin-1")[at : at + 12] in shown for at in range(len(PASTED[form]) - 12))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("serial", [1, 3, 0x0100, 0x02010130])
@pytest.mark.parametrize("name", ["EC", "RSA", "Ed25519"])
def test_a_certificate_with_a_small_serial_is_not_taken_for_a_key(serial: int, name: str) -> None:
    key = KEYS[name]
    builder = x509.CertificateBuilder(
        make_name("a"), make_name("a"), key.public_key(), serial, AT, AT.replace(year=2027)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    certificate = builder.sign(key, None if name == "Ed25519" else hashes.SHA256())
    assert parse_certificate(certificate.public_bytes(Encoding.DER)).is_authority
    assert parse_certificate(certificate.public_bytes(Encoding.PEM)).is_authority
