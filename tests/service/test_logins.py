"""The holder behind a real certificate, as the token service meets it."""

import dataclasses
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from service.access import CallerKind, RegistrarRole
from service.assertions import AssertionRefused, Reason
from service.certificates import Certificate, CertificateProfile, CertificateState
from service.logins import Holder
from service.registrars import Registrar, RegistrarStatus
from service.storage.database import Database
from tests.service.logins import P256, START, Desk, Persona

REGISTRAR_ID = "live-reg-01K9ZZZZZZZZZZZZZZZZZZZZZA"


@dataclasses.dataclass
class OneHolder:
    holder: Holder

    async def find_holder(self, certificate_fingerprint: str) -> Holder | None:
        return self.holder if certificate_fingerprint == self.holder.fingerprint else None


def make_certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "someone")])
    builder = x509.CertificateBuilder(name, name, P256.key.public_key(), 1, START, START + timedelta(days=1))
    return builder.sign(P256.key, hashes.SHA256())


def make_holder(certificate: x509.Certificate) -> Holder:
    stored = Certificate(
        id="live-crt-01K9ZZZZZZZZZZZZZZZZZZZZZA",
        version=1,
        profile=CertificateProfile.LOGIN,
        state=CertificateState.ISSUED,
        serial_number="01",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        subject="CN=someone",
        issuer="CN=someone",
        not_before=START,
        not_after=START + timedelta(days=1),
        pem=certificate.public_bytes(Encoding.PEM).decode(),
        registrar_id=REGISTRAR_ID,
        registered_at=START,
    )
    registrar = Registrar(
        id=REGISTRAR_ID,
        version=1,
        number="R1",
        name="someone",
        role=RegistrarRole.OFFICER,
        status=RegistrarStatus.ACTIVE,
        added_at=START,
    )
    return Holder(stored, registrar=registrar)


@dataclasses.dataclass
class CertificatePersona(Persona):
    """A persona named by a real certificate's digest."""

    fingerprint: bytes = b""

    @property
    def digest(self) -> bytes:
        return self.fingerprint


@pytest.mark.wire
async def test_a_registrar_logs_in_with_a_real_certificate(wire_database: Database) -> None:
    certificate = make_certificate()
    holders = OneHolder(make_holder(certificate))
    desk = Desk(wire_database, holders=holders)
    digest = certificate.fingerprint(hashes.SHA256())
    persona = CertificatePersona(P256.key, "ES256", id=REGISTRAR_ID, fingerprint=digest)
    token = (await desk.tokens.login(persona.sign())).token
    caller = await desk.tokens.authenticate(token)
    assert (caller.kind, caller.id, caller.role) == (CallerKind.REGISTRAR, REGISTRAR_ID, RegistrarRole.OFFICER)
    held = dataclasses.replace(holders.holder.certificate, state=CertificateState.HELD)
    holders.holder = dataclasses.replace(holders.holder, certificate=held)
    with pytest.raises(AssertionRefused, match="HELD") as caught:
        await desk.tokens.login(persona.sign(persona.claims(jti="second")))
    assert caught.value.reason is Reason.NOT_ADMITTED


def test_a_certificate_whose_key_cannot_be_read_has_no_public_key() -> None:
    holder = make_holder(make_certificate())
    broken = dataclasses.replace(
        holder.certificate, pem="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    assert holder.public_key == P256.public_key
    assert dataclasses.replace(holder, certificate=broken).public_key == b""
