"""Who stands behind a LOGIN certificate at this moment, and whether to let it in (art. 9, 11, 13, 14, 19).

Asked at login and again at every request: what has ended since the token was issued ends the token.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from service.access import Caller, CallerKind
from service.certificates import Certificate, CertificateProfile, CertificateState
from service.errors import Unauthenticated
from service.operators import Operator, OperatorStatus
from service.participants import Participant, may_use_platform, standing_of
from service.pki.chain import ChainStatus
from service.registrars import Registrar, RegistrarStatus
from service.sight import AS_IT_IS, Sight
from service.storage.certificates import CertificateStore
from service.storage.database import Session
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore
from service.storage.registrars import RegistrarStore


@dataclass(frozen=True, slots=True)
class Holder:
    """A certificate with those it stands for: an operator and its participant, or a registrar."""

    certificate: Certificate
    operator: Operator | None = None
    participant: Participant | None = None
    registrar: Registrar | None = None
    seen: Callable[["Holder"], "Holder"] = field(default=AS_IT_IS.holder, repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint or ""  # one that was found by its fingerprint has it

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, DER; empty where the certificate's key is of a kind that cannot be read here (SM2)."""
        try:
            key = load_pem_x509_certificate((self.certificate.pem or "").encode()).public_key()
        except (UnsupportedAlgorithm, ValueError):
            return b""
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def id(self) -> str | None:
        holder = self.operator or self.registrar
        return holder.id if holder else None

    @property
    def participant_id(self) -> str | None:
        return self.operator.participant_id if self.operator else None

    def caller(self, now: datetime, issued_at: datetime | None = None) -> Caller:
        return caller_of(self.seen(self), now, issued_at)


class Logins:
    def __init__(
        self,
        certificates: CertificateStore,
        operators: OperatorStore,
        participants: ParticipantStore,
        registrars: RegistrarStore,
        sight: Sight = AS_IT_IS,
    ) -> None:
        self._certificates = certificates
        self._operators = operators
        self._participants = participants
        self._registrars = registrars
        self._sight = sight

    async def find_holder(self, certificate_fingerprint: str, session: Session = None) -> Holder | None:
        """By SHA-256 fingerprint, lower-case hex. Says nothing of whether the holder may come in."""
        certificate = await self._certificates.find_by_fingerprint(certificate_fingerprint, session)
        if certificate is None:
            return None
        of_operator, of_registrar = certificate.operator_id, certificate.registrar_id
        operator = await self._operators.find(of_operator, session) if of_operator else None
        participant = await self._participants.find(operator.participant_id, session) if operator else None
        registrar = await self._registrars.find(of_registrar, session) if of_registrar else None
        return Holder(certificate, operator, participant, registrar, self._sight.holder)

    async def get_caller(
        self, certificate_fingerprint: str, now: datetime, issued_at: datetime | None = None
    ) -> Caller:
        """The caller behind a verified assertion or token. `issued_at`: of the token; None at login.

        Raises Unauthenticated, with what has ended. Does NOT verify any signature, chain or revocation list.
        """
        holder = await self.find_holder(certificate_fingerprint)
        if holder is None:
            raise Unauthenticated("This certificate is not registered here.", article=13)
        return holder.caller(now, issued_at)

    async def readmit(self, caller: Caller, session: Session, at: datetime) -> Caller:
        """A caller who has been let in, as the transaction of its act sees it. Raises Unauthenticated.

        One without a certificate did not log in (the system) and is answered unchanged.
        """
        if caller.certificate is None:
            return caller
        holder = await self.find_holder(caller.certificate, session)
        if holder is None or holder.id != caller.id:
            raise Unauthenticated("This certificate is not registered here.", article=13)
        return holder.caller(at)


def caller_of(holder: Holder, now: datetime, issued_at: datetime | None = None) -> Caller:
    """The caller that a holder is now. Raises Unauthenticated for whoever is not to be let in."""
    certificate = holder.certificate
    if certificate.profile is not CertificateProfile.LOGIN:
        raise Unauthenticated("This certificate is not one to log in with.", article=13)
    if certificate.state is not CertificateState.ISSUED:
        raise Unauthenticated(f"This certificate is {certificate.state.value}.", article=13)
    if certificate.chain_verified is not ChainStatus.VERIFIED:
        raise Unauthenticated("This certificate cannot be verified here.", article=13)
    if not certificate.not_before <= now <= certificate.not_after:
        raise Unauthenticated("This certificate is not valid at this time.", article=14)
    if holder.registrar is not None:
        return _registrar(holder.registrar, certificate, issued_at)
    if holder.operator is None or holder.participant is None:
        raise Unauthenticated("This certificate stands for nobody.", article=13)
    return _operator(holder.operator, holder.participant, certificate, issued_at)


def _registrar(registrar: Registrar, certificate: Certificate, issued_at: datetime | None) -> Caller:
    if registrar.status is not RegistrarStatus.ACTIVE or _ended(issued_at, registrar.sessions_end_at):
        raise Unauthenticated("This registrar's access has ended.")
    return Caller(
        CallerKind.REGISTRAR,
        registrar.id,
        role=registrar.role,
        certificate=certificate.fingerprint,
        certified_by=frozenset(certificate.certified_by),
    )


def _operator(
    operator: Operator, participant: Participant, certificate: Certificate, issued_at: datetime | None
) -> Caller:
    if operator.status is not OperatorStatus.ACTIVE:
        raise Unauthenticated(f"This operator is {operator.status.value}.", article=11)
    if not may_use_platform(participant):
        raise Unauthenticated(f"This participant is {standing_of(participant).value}.", article=19)
    if _ended(issued_at, operator.sessions_end_at):
        raise Unauthenticated("This session has ended: log in again.", article=11)
    return Caller(
        CallerKind.OPERATOR,
        operator.id,
        participant.id,
        operator.role,
        certificate.fingerprint,
        frozenset(operator.permissions),
        operator.registered_by,
        frozenset(certificate.certified_by),
    )


def _ended(issued_at: datetime | None, sessions_end_at: datetime | None) -> bool:
    """A token's `iat` has whole seconds: one of the very second in which sessions ended is void too."""
    return issued_at is not None and sessions_end_at is not None and issued_at <= sessions_end_at
