"""Certificates of personas: issued by the sandbox's own authority, and issued again before they end."""

from dataclasses import dataclass, replace
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.credentials import Credential, Credentials
from sandbox.personas import Condition, Persona
from service.access import SYSTEM
from service.authority import Authority
from service.bootstrap import Services
from service.certificates import Certificate, CertificateState, RevocationReason, revoked
from service.identifiers import Kind, new_id
from service.operators import Operator
from service.participants import Participant
from service.pki.authority import Order
from service.pki.keys import facts_of
from service.pki.parsing import CertificateFacts
from service.pki.profiles import Holder, OperatorHolder, Profile, RegistrarHolder
from service.registrars import Registrar
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.certificates import CertificateStore
from service.storage.database import Session

DAYS = 365
ENDS_SOON = timedelta(days=30)  # a certificate is issued again when so little is left of it
EXPIRING_DAYS, EXPIRING_PASSED = 24, timedelta(days=20)  # three whole days are left, and the renewal window is open
EXPIRING_LEAST = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate is for, as our records have it."""

    id: str
    named: Holder
    legal_name: str
    participant_id: str | None = None
    operator_id: str | None = None
    registrar_id: str | None = None


def operator_subject(participant: Participant, operator: Operator) -> Subject:
    named = OperatorHolder(participant.participant_code, operator.operator_number)
    return Subject(operator.id, named, participant.legal_name, participant.id, operator.id)


def registrar_subject(registrar: Registrar, legal_name: str) -> Subject:
    return Subject(registrar.id, RegistrarHolder(registrar.number), legal_name, registrar_id=registrar.id)


class Certifying:
    """Issues LOGIN certificates over the services' own storage, in one transaction with their record."""

    def __init__(self, services: Services, authority: Authority, credentials: Credentials) -> None:
        self._services = services
        self._authority = authority
        self._credentials = credentials
        self._certificates = CertificateStore(services.database)
        self._keys = CertificateKeyStore(services.database)

    async def is_settled(self, persona: Persona) -> bool:
        """Whether a former start brought this persona to its end: its files and the database know the certificate."""
        credential = self._credentials.find(persona.name)
        return credential is not None and await self._known(credential) is not None

    async def is_due(self, persona: Persona) -> bool:
        """Whether a settled persona's certificate is to be issued again. One that shows an end needs no other."""
        credential = self._credentials.find(persona.name)
        if credential is None or persona.condition in {Condition.REVOKED, Condition.OFFBOARDED}:
            return False
        least, left = ENDS_SOON, credential.certificate.not_valid_after_utc - self._services.clock.now()
        if persona.condition is Condition.EXPIRING:
            known = await self._known(credential)
            if known is not None and (known.state is not CertificateState.ISSUED or known.superseded_by_id):
                return True  # renewed by whoever tried it: the next one may try again
            least = EXPIRING_LEAST
        return left < least or not self._is_ours(credential.certificate)

    async def certify(self, persona: Persona, subject: Subject) -> x509.Certificate:
        """A fresh certificate for the persona's key; the one before it, if it still stands, is revoked."""
        key = self._credentials.ensure_key(persona.name)
        now = self._services.clock.now(subject.participant_id)
        passed, days = timedelta(0), DAYS
        if persona.condition is Condition.EXPIRING:
            passed, days = EXPIRING_PASSED, EXPIRING_DAYS
        order = Order(Profile.LOGIN, subject.named, subject.legal_name, facts_of(key.public_key()), days)
        facts = await self._authority.sign(self._authority.prepare(order, now - passed))
        await self._services.database.transaction(lambda session: self._keep(session, subject, facts))
        return facts.certificate

    def settle(self, persona: Persona, subject: Subject, certificate: x509.Certificate) -> None:
        """Hand out the credential: from here on a start leaves the persona as it finds it."""
        self._credentials.keep(persona.name, subject.id, certificate)

    async def revoke(self, subject: Subject) -> None:
        async def work(session: Session) -> None:
            await self._revoke_seated(session, subject, RevocationReason.CESSATION_OF_OPERATION)

        await self._services.database.transaction(work)

    async def _keep(self, session: Session, subject: Subject, facts: CertificateFacts) -> None:
        at = self._services.clock.now(subject.participant_id)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # what the database keeps of a time
        await self._revoke_seated(session, subject, RevocationReason.SUPERSEDED)
        await self._keys.claim(session, facts.key.spki_sha256, subject.id, Profile.LOGIN, at)
        certificate = Certificate(
            id=new_id(self._services.world, Kind.CERTIFICATE, at),
            version=1,
            profile=Profile.LOGIN,
            state=CertificateState.ISSUED,
            serial_number=facts.serial,
            fingerprint=facts.fingerprint,
            subject=facts.subject,
            issuer=facts.issuer,
            not_before=facts.not_before,
            not_after=facts.not_after,
            key_algorithm=facts.key.name,
            spki_sha256=facts.key.spki_sha256,
            pem=_pem(facts.certificate),
            chain_pem=self._authority.chain_pem,
            participant_id=subject.participant_id,
            operator_id=subject.operator_id,
            registrar_id=subject.registrar_id,
            registered_at=at,
            issued_at=at,
        )
        await self._certificates.insert(session, certificate)
        await self._record(session, "certificate.issued", certificate, {"fingerprint": facts.fingerprint})

    async def _revoke_seated(self, session: Session, subject: Subject, reason: RevocationReason) -> None:
        seated = await self._certificates.find_seated(subject.id, Profile.LOGIN, session)
        if seated is None:
            return
        at = self._services.clock.now(subject.participant_id)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        ended = await self._certificates.replace(session, revoked(seated, reason, at))
        await self._record(session, "certificate.revoked", ended, {"reason": reason.value})

    async def _record(self, session: Session, kind: str, certificate: Certificate, content: dict[str, object]) -> None:
        caller = replace(SYSTEM, participant_id=certificate.participant_id)
        participant = certificate.participant_id
        await self._services.records.write(caller, session, kind, certificate.id, participant, content)

    async def _known(self, credential: Credential) -> Certificate | None:
        return await self._certificates.find_by_fingerprint(credential.fingerprint)

    def _is_ours(self, certificate: x509.Certificate) -> bool:
        """Whether the authority of today has issued it: one that was made anew does not vouch for the former's."""
        issuing = self._authority.issuing.certificate
        name = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        own = issuing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return certificate.issuer == issuing.subject and name.key_identifier == own.key_identifier


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
