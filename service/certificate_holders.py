"""Whose a certificate is, as our records have it: names come from here, never from a request (art. 13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from service.access import Caller, CallerKind, OperatorRole, Permission, RegistrarRole, may_see
from service.acts import Act
from service.certificates import Certificate, HoldReason, Obstacle, obstacles
from service.operators import Operator, OperatorStatus
from service.participants import Participant, may_use_platform, standing_of
from service.pki.profiles import Holder, OperatorHolder, RegistrarHolder
from service.refusals import RefusalCode, refuse
from service.registrars import Registrar, RegistrarStatus
from service.storage.certificates import CertificateStore
from service.storage.database import Session
from service.storage.documents import Versioned
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore
from service.storage.registrars import RegistrarStore
from service.world import World

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CertificateHolder:
    """An operator with its participant, or a registrar."""

    operator: Operator | None = None
    participant: Participant | None = None
    registrar: Registrar | None = None

    @property
    def id(self) -> str:
        holder = self.operator or self.registrar
        return holder.id if holder else ""

    @property
    def participant_id(self) -> str | None:
        return self.participant.id if self.participant else None

    def named(self) -> Holder:
        """As a certificate names it."""
        if self.registrar is not None:
            return RegistrarHolder(self.registrar.number)
        assert self.operator is not None  # noqa: S101 - one or the other
        assert self.participant is not None  # noqa: S101 - an operator has one
        return OperatorHolder(self.participant.participant_code, self.operator.operator_number)

    def legal_name(self, world: World) -> str:
        return self.participant.legal_name if self.participant else world.organization


class CertificateHolders:
    def __init__(self, operators: OperatorStore, participants: ParticipantStore, registrars: RegistrarStore) -> None:
        self.operators = operators
        self.participants = participants
        self.registrars = registrars

    async def find(
        self, operator_id: str | None, registrar_id: str | None, session: Session = None
    ) -> CertificateHolder | None:
        if registrar_id is not None:
            registrar = await self.registrars.find(registrar_id, session)
            return CertificateHolder(registrar=registrar) if registrar else None
        operator = await self.operators.find(operator_id, session) if operator_id else None
        participant = await self.participants.find(operator.participant_id, session) if operator else None
        return CertificateHolder(operator, participant) if operator and participant else None

    async def of(self, certificate: Certificate, session: Session = None) -> CertificateHolder | None:
        return await self.find(certificate.operator_id, certificate.registrar_id, session)

    async def obstacles_of(self, certificates: Sequence[Certificate], now: datetime) -> list[tuple[Obstacle, ...]]:
        """Why each is not usable, in their order. Three queries, however many there are."""
        operators = await self._by_id(self.operators, {each.operator_id for each in certificates})
        participants = await self._by_id(self.participants, {each.participant_id for each in operators.values()})
        registrars = await self._by_id(self.registrars, {each.registrar_id for each in certificates})
        answers = []
        for each in certificates:
            operator = operators.get(each.operator_id)
            participant = participants.get(operator.participant_id) if operator else None
            registrar = registrars.get(each.registrar_id)
            found = obstacles(each, now, operator=operator, participant=participant, registrar=registrar)
            answers.append(found)
        return answers

    @staticmethod
    async def _by_id(store: Versioned[T], ids: set[str | None]) -> dict[str | None, T]:
        wanted = sorted(each for each in ids if each is not None)
        found = await store.get_many(wanted) if wanted else []
        return {key: each for key, each in zip(wanted, found, strict=True) if each is not None}

    async def get_for(
        self, caller: Caller, operator_id: str | None, registrar_id: str | None, session: Session
    ) -> CertificateHolder:
        """The holder, if it exists for this caller. Raises Refused, for a foreign tenant's exactly as for none."""
        holder = await self.find(operator_id, registrar_id, session)
        if registrar_id is not None and (holder is None or not _sees_registrars(caller)):
            raise refuse(RefusalCode.REGISTRAR_NOT_FOUND, "registrarId")
        if holder is None or (holder.participant_id is not None and not may_see(caller, holder.participant_id)):
            raise refuse(RefusalCode.OPERATOR_NOT_FOUND, "operatorId")
        return holder

    async def get_certifiable(self, act: Act, operator_id: str | None, registrar_id: str | None) -> CertificateHolder:
        """The holder, if the caller may ask for its certificate and it may have one. Raises Refused.

        Who leaves takes its certificates along: both meet at the holder, so that none comes in between and stays.
        """
        holder = await self.get_for(act.caller, operator_id, registrar_id, act.session)
        ensure_own_or_managed(act.caller, holder)
        ensure_active(holder)
        if holder.registrar is not None:
            await self.registrars.touch(act.session, holder.id)
        else:
            await self.operators.touch(act.session, holder.id)
        return holder


def _sees_registrars(caller: Caller) -> bool:
    return caller.kind in {CallerKind.REGISTRAR, CallerKind.SYSTEM}


def ensure_active(holder: CertificateHolder) -> None:
    """Raises Refused unless the holder may have a certificate that is usable."""
    if holder.registrar is not None and holder.registrar.status is not RegistrarStatus.ACTIVE:
        raise refuse(RefusalCode.REGISTRAR_ENDED, "registrarId", number=holder.registrar.number)
    if holder.operator is not None and holder.operator.status is not OperatorStatus.ACTIVE:
        status = holder.operator.status.value
        raise refuse(RefusalCode.OPERATOR_STATE, "operatorId", status=status, command="CERTIFICATE")
    if holder.participant is not None and not may_use_platform(holder.participant):
        raise refuse(RefusalCode.PARTICIPANT_NOT_ACTIVE, status=standing_of(holder.participant).value)


def ensure_not_examined(caller: Caller, seated: Certificate | None) -> None:
    """Raises Refused(DEPOSITORY_DECIDES) for whoever would put another in the place of an operator's examined one."""
    examined = seated is not None and seated.operator_id is not None and seated.hold_reason is HoldReason.EXAMINED
    if examined and caller.kind is not CallerKind.REGISTRAR:
        raise refuse(RefusalCode.DEPOSITORY_DECIDES)


def ensure_own_or_managed(caller: Caller, holder: CertificateHolder) -> None:
    """Raises Refused(CERTIFICATE_NOT_OWN) for who asks in another's place without being there for that.

    An administrator who manages certificates acts for its participant's operators, the depository's counter for any
    operator, an officer for other registrars.
    """
    match caller.kind:
        case CallerKind.SYSTEM:
            return
        case CallerKind.OPERATOR:
            manages = caller.role is OperatorRole.ADMINISTRATOR and Permission.CERTIFICATE_MANAGE in caller.permissions
            if caller.id == holder.id or (manages and caller.participant_id == holder.participant_id):
                return
        case CallerKind.REGISTRAR:
            if caller.id == holder.id or holder.registrar is None or caller.role is RegistrarRole.OFFICER:
                return
        case CallerKind.ANONYMOUS:
            pass
    raise refuse(RefusalCode.CERTIFICATE_NOT_OWN)


def hands_on(certificate: Certificate | None, caller: Caller, holder: CertificateHolder) -> tuple[str, ...]:
    """Who, of the holder's own side, had a hand in the certificate, or in what it renews; now the caller too.

    Whoever asks for a certificate may hold its key, so none of these is a second person to the holder. The depository's
    counter that asks for an operator's does not count: it acts for all of them alike. What its own renewal came from
    stays, and so does what the caller's own came from.
    """
    hands = set(certificate.certified_by) if certificate else set()
    own_side = CallerKind.REGISTRAR if holder.registrar else CallerKind.OPERATOR
    if caller.kind is own_side and caller.id is not None:
        hands |= {caller.id, *caller.certified_by} - {holder.id}
    return tuple(sorted(hands))


async def get_certificate(
    act: Act, certificates: CertificateStore, certificate_id: str, expected_version: int | None = None
) -> Certificate:
    """Raises Refused for none, for another participant's (exactly as for none), and for another version."""
    certificate = await certificates.find(certificate_id, act.session)
    if certificate is None or not may_see(act.caller, certificate.participant_id or ""):
        raise refuse(RefusalCode.CERTIFICATE_NOT_FOUND, "certificateId")
    act.ensure_version(certificate.version, expected_version)
    return certificate
