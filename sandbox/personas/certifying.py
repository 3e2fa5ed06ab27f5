"""Certificates of personas: issued by the sandbox's own authority, and issued again before they end."""

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.issuing import end_certificates, issue_certificate, services_earlier
from sandbox.personas.credentials import Credential, Credentials, request_of
from sandbox.personas.people import Condition, Persona
from sandbox.tenants.openings import Staff
from service.access import RegistrarRole
from service.authority import Authority
from service.bootstrap import Services
from service.certificate_requests import RequestInput
from service.certificates import Certificate, CertificateProfile, CertificateState
from service.pki.keys import facts_of
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.certificates import CertificateStore

ENDS_SOON = timedelta(days=30)  # a certificate is issued again when so little is left of it
EXPIRING_DAYS, EXPIRING_PASSED = 24, timedelta(days=20)  # three whole days are left, and the renewal window is open
EXPIRING_LEAST = timedelta(days=3)
ENDED = frozenset({Condition.REVOKED, Condition.OFFBOARDED})
LOGIN = CertificateProfile.LOGIN


class Certifying:
    """Gives personas their LOGIN certificates and keeps them in files, beside the keys."""

    def __init__(self, services: Services, authority: Authority, credentials: Credentials) -> None:
        self._services = services
        self._authority = authority
        self._credentials = credentials
        self._certificates = CertificateStore(services.database)
        self._keys = CertificateKeyStore(services.database)

    async def is_settled(self, persona: Persona) -> bool:
        """Whether a former start brought this persona to its end: its files and the database know the certificate."""
        known = await self._known(self._credentials.find(persona.name))
        return known is not None and (persona.condition not in ENDED or known.state is CertificateState.REVOKED)

    async def is_due(self, persona: Persona) -> bool:
        """Whether a settled persona's certificate is to be issued again. One that shows an end needs no other."""
        credential = self._credentials.find(persona.name)
        if credential is None or persona.condition in ENDED:
            return False
        least, left = ENDS_SOON, credential.certificate.not_valid_after_utc - self._services.clock.now()
        if persona.condition is Condition.EXPIRING:
            known = await self._known(credential)
            if known is not None and (known.state is not CertificateState.ISSUED or known.superseded_by_id):
                return True  # renewed by whoever tried it: the next one may try again
            least = EXPIRING_LEAST
        return left < least or not self._is_ours(credential.certificate)

    async def is_usable(self, persona: Persona) -> bool:
        """Whether nobody has ended the certificate that its files hold."""
        known = await self._known(self._credentials.find(persona.name))
        return known is not None and known.state is CertificateState.ISSUED

    async def certify(self, persona: Persona, staff: Staff, holder_id: str) -> None:
        """A fresh certificate for the persona's key, handed out; what its holder had before is revoked.

        Raises Refused for a holder who may have none.
        """
        services = self._services
        if persona.condition is Condition.EXPIRING:
            services = services_earlier(services, EXPIRING_PASSED, EXPIRING_DAYS)
        await self.end(persona, staff, holder_id)
        given = RequestInput(LOGIN, request_of(await self._key(persona)), **holder_of(persona, holder_id))
        issued = await issue_certificate(services, staff, given)
        self._keep(persona, holder_id, issued)

    async def end(self, persona: Persona, staff: Staff, holder_id: str) -> None:
        await end_certificates(self._services, staff, LOGIN, **holder_of(persona, holder_id))

    async def settle_ended(self, persona: Persona, operator_id: str) -> None:
        """One that has left gets no certificate any more: its last one, if its key is still here, is what it shows."""
        key = facts_of(self._credentials.ensure_key(persona.name).public_key())
        last = [each for each in await self._certificates.of_key(key.spki_sha256) if each.operator_id == operator_id]
        if last and last[-1].pem is not None:
            self._keep(persona, operator_id, last[-1])

    async def _key(self, persona: Persona) -> ec.EllipticCurvePrivateKey:
        """The persona's own; another where whoever tried it reported that one compromised."""
        key = self._credentials.ensure_key(persona.name)
        known = await self._keys.find(facts_of(key.public_key()).spki_sha256)
        return self._credentials.replace_key(persona.name) if known and known.blocked_at else key

    def _keep(self, persona: Persona, holder_id: str, issued: Certificate) -> None:
        certificate = x509.load_pem_x509_certificate((issued.pem or "").encode())
        self._credentials.keep(persona.name, holder_id, certificate)

    async def _known(self, credential: Credential | None) -> Certificate | None:
        return await self._certificates.find_by_fingerprint(credential.fingerprint) if credential else None

    def _is_ours(self, certificate: x509.Certificate) -> bool:
        """Whether the authority of today has issued it: one that was made anew does not vouch for the former's."""
        issuing = self._authority.issuing.certificate
        name = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        own = issuing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return certificate.issuer == issuing.subject and name.key_identifier == own.key_identifier


def holder_of(persona: Persona, holder_id: str) -> dict[str, str]:
    return {"registrar_id" if isinstance(persona.role, RegistrarRole) else "operator_id": holder_id}
