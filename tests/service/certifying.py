"""Certificates for tests: an authority of the world, outside ones, requests, and the services over them."""

import subprocess
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from service.access import SYSTEM, Caller, CallerKind, RegistrarRole
from service.authority import Authority, OutsideAuthorities
from service.certificate_holders import CertificateHolders
from service.certificate_issuing import Approval, CertificateIssuing, CertificateTerms
from service.certificate_registration import CertificateRegistration
from service.certificate_requests import CertificateRequests, RequestInput
from service.certificate_service import CertificateService
from service.certificate_use import CertificateUse
from service.certificates import Certificate, CertificateProfile
from service.electronic_key_service import ElectronicKeyService
from service.operators import Operator
from service.pki.profiles import key_usage
from service.registrar_service import RegistrarInput, RegistrarService
from service.registrars import Registrar
from service.reminder_service import ReminderService
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.database import Database
from service.storage.electronic_keys import ElectronicKeyStore
from service.storage.outbox import OutboxStore
from service.storage.registrars import RegistrarStore
from service.storage.reminders import ReminderStore
from tests.service.institutions import OFFICER, REVIEWER, Institutions, caller_for
from tests.service.pki.authorities import make_ceremony

LOGIN, SEAL = CertificateProfile.LOGIN, CertificateProfile.SEAL
Key = ec.EllipticCurvePrivateKey


def make_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def make_csr(key: Key) -> str:
    """A request in PEM whose names claim what nobody checks."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "claimed")])
    return x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def openssl_request(directory: Path, name: str) -> str:
    """A key and a request of it, made by the command that people use."""
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=claimed"],
        cwd=directory, check=True, capture_output=True,
    )  # fmt: skip
    return (directory / f"{name}.csr").read_text()


def ask(operator: Operator, key: Key | None = None, **changes: object) -> RequestInput:
    plain = RequestInput(LOGIN, make_csr(key or make_key()), operator_id=operator.id)
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields by name


def logged_in(operator: Operator, certificate: Certificate) -> Caller:
    return replace(caller_for(operator), certificate=certificate.fingerprint)


@dataclass
class OutsideAuthority:
    """A root elsewhere that signs leaves of its own kind."""

    at: datetime
    name: str = "Outside Root"
    key: Key = field(default_factory=make_key)
    subject: x509.Name | None = None  # for one with another's whole name

    @property
    def issuer(self) -> x509.Name:
        return self.subject or x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])

    @property
    def root(self) -> x509.Certificate:
        name, begin = self.issuer, self.at - timedelta(days=900)
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), 1, begin, begin + timedelta(days=4000))
        return (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage("keyCertSign", "cRLSign"), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def issue(
        self,
        *,
        code: str = "BRK001",
        number: str = "000001",
        key: Key | None = None,
        serial: int = 7,
        not_before: datetime | None = None,
        days: int = 365,
        urn: str | None = None,
        policy: str | None = None,
        authority: bool = False,
    ) -> str:
        """A LOGIN certificate of an operator, in PEM."""
        public = (key or make_key()).public_key()
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, code),
                x509.NameAttribute(NameOID.SERIAL_NUMBER, number),
                x509.NameAttribute(NameOID.COMMON_NAME, "somebody"),
            ]
        )
        begin = not_before or self.at - timedelta(days=1)
        identity: x509.GeneralName = x509.UniformResourceIdentifier(urn) if urn else x509.DNSName("broker.example")
        builder = (
            x509.CertificateBuilder(self.issuer, subject, public, serial, begin, begin + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(key_usage("digitalSignature"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([identity]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if policy:
            policies = [x509.PolicyInformation(x509.ObjectIdentifier(policy), None)]
            builder = builder.add_extension(x509.CertificatePolicies(policies), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


class Certifying(Institutions):
    """The services of certificates over those of institutions, with an authority made when the clock began."""

    def __init__(self, database: Database, *, approval: Approval = "second_person", authority: bool = True) -> None:
        super().__init__(database)
        world = database.world
        self.ceremony = make_ceremony(world, self.clock.time - timedelta(days=1))
        self.authority = Authority(self.ceremony.issuing, self.ceremony.root, self.ceremony.pins)
        self.outside = OutsideAuthority(self.clock.time)
        self.registrar_store = RegistrarStore(database)
        self.electronic_key_store = ElectronicKeyStore(database)
        self.key_store = CertificateKeyStore(database)
        self.holders = CertificateHolders(self.operator_store, self.participant_store, self.registrar_store)
        self.terms = CertificateTerms(365, timedelta(days=14), approval)
        self.issuing = CertificateIssuing(
            world,
            self.acts,
            self.authority if authority else None,
            certificates=self.certificate_store,
            keys=self.key_store,
            holders=self.holders,
            terms=self.terms,
        )
        self.certificates = CertificateService(
            self.acts,
            certificates=self.certificate_store,
            keys=self.key_store,
            holders=self.holders,
            electronic_keys=self.electronic_key_store,
            records=self.records,
        )
        self.requests = CertificateRequests(
            world,
            self.acts,
            self.issuing,
            certificates=self.certificate_store,
            keys=self.key_store,
            holders=self.holders,
            electronic_keys=self.electronic_key_store,
            terms=self.terms,
        )
        self.registration = CertificateRegistration(
            world,
            self.acts,
            self.issuing,
            OutsideAuthorities(world, [self.outside.root]),
            certificates=self.certificate_store,
            keys=self.key_store,
            holders=self.holders,
            electronic_keys=self.electronic_key_store,
            attempts=self.records.attempts,
        )
        self.use = CertificateUse(database, self.clock, self.records, self.certificate_store)
        self.outbox_store = OutboxStore(database)
        self.reminders = ReminderService(
            world,
            self.acts,
            reminders=ReminderStore(database),
            certificates=self.certificate_store,
            operators=self.operator_store,
            outbox=self.outbox_store,
            personal_data=self.personal_data,
            tiers=(90, 60, 30, 14, 7, 3, 1, 0),
        )
        self.electronic_keys = ElectronicKeyService(
            self.acts,
            electronic_keys=self.electronic_key_store,
            certificates=self.certificate_store,
            operators=self.operator_store,
            participants=self.participant_store,
        )
        self.registrars = RegistrarService(
            self.acts, registrars=self.registrar_store, certificates=self.certificate_store
        )

    def pass_days(self, days: float) -> None:
        self.clock.time += timedelta(days=days)

    async def issue(
        self, operator: Operator, key: Key | None = None, profile: CertificateProfile = LOGIN
    ) -> Certificate:
        """Requested at the depository's counter, approved by an officer."""
        given = RequestInput(profile, make_csr(key or make_key()), operator_id=operator.id)
        asked = await self.requests.request(REVIEWER, given)
        return (await self.requests.approve(OFFICER, asked.subject.id)).subject

    async def certified_registrar(self, number: str = "R001") -> tuple[Registrar, Certificate]:
        given = RegistrarInput(number, "officer", RegistrarRole.OFFICER)
        registrar = (await self.registrars.add(SYSTEM, given)).subject
        asked = RequestInput(LOGIN, make_csr(make_key()), registrar_id=registrar.id)
        return registrar, (await self.requests.request(SYSTEM, asked)).subject

    async def log_in(self, certificate: Certificate) -> str | None:
        """As far as certificates are concerned: the use that a login notes."""
        fingerprint = certificate.fingerprint or ""
        caller = Caller(CallerKind.OPERATOR, certificate.operator_id, certificate.participant_id)
        caller = replace(caller, certificate=fingerprint)
        return await self.database.transaction(lambda session: self.use.note(session, caller, fingerprint))

    async def again(self, certificate: Certificate) -> Certificate:
        found = await self.certificate_store.find(certificate.id)
        assert found is not None
        return found
