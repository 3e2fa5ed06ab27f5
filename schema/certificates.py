"""Certificates (数字证书, art. 13, 14) over GraphQL: whose they are, how they stand, until when, and every why not."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self, cast

import strawberry

from schema.context import Info
from schema.cost import ListSize
from schema.electronic_keys import ElectronicKey
from schema.nodes import find_node, serve
from schema.pagination import Connection, connect, page_request
from schema.permissions import OnlyFor
from schema.records import Record
from schema.reminders import Reminder
from schema.scalars import Cursor
from schema.types import Marked, Node, marks
from service import certificates
from service.certificates import (
    CertificateProfile,
    CertificateSource,
    CertificateState,
    CertificateValidity,
    HoldReason,
    Obstacle,
    RenewalStanding,
    RevocationReason,
    days_left,
    renewal_window,
    validity_at,
)
from service.identifiers import Kind
from service.pagination import BY_ID
from service.pki.chain import ChainStatus
from service.policy import Action
from service.world import World

if TYPE_CHECKING:
    from schema.operators import Operator
    from schema.participants import Participant
    from schema.viewer import Registrar

for _enum, _description in (
    (
        CertificateState,
        "REQUESTED (申请); ISSUED; HELD (冻结); REVOKED (吊销) and SUPERSEDED (换发) are final.",
    ),
    (CertificateValidity, "What the dates allow now. EXPIRING: the renewal window is open."),
    (CertificateSource, "OWN: issued by this world's authority. OUTSIDE: registered here."),
    (ChainStatus, "UNSUPPORTED_ALGORITHM: shown with its facts, never as valid (SM2)."),
    (HoldReason, "KEY_LOST (挂失); ASKED for by the participant; EXAMINED by the depository."),
    (RevocationReason, "RFC 5280's reasons. A participant cannot withdraw a privilege, nor the depository supersede."),
    (Obstacle, "Why a certificate is not usable."),
    (RenewalStanding, "Why the renewal window is as it is."),
):
    strawberry.enum(_enum, description=_description)
strawberry.enum(
    CertificateProfile,
    name="CertificateProfile",
    description="LOGIN: to come in with. SEAL: to sign business with. A key is for one of them.",
)


@strawberry.type(description="When a certificate can be renewed (换发), and why it can or cannot be now (art. 14).")
class RenewalWindow:
    start: datetime
    end: datetime
    standing: RenewalStanding
    why: str
    why_zh: str

    @classmethod
    def of(cls, window: certificates.RenewalWindow) -> Self:
        return cls(start=window.start, end=window.end, standing=window.standing, why=window.why, why_zh=window.why_zh)


def now_of(info: Info) -> datetime:
    return info.context.services.clock.now(info.context.caller.participant_id)


CertificateLazy = Annotated["Certificate", strawberry.lazy("schema.certificates")]


@strawberry.type(
    description="A certificate (数字证书) of one holder, an operator or a registrar (art. 13). `state` is where it "
    "stands in its life, `validity` what its dates allow; `usable` is what both and its holder's standing allow."
)
class Certificate(Node, Marked):
    record: strawberry.Private[certificates.Certificate]
    version: int = strawberry.field(description="For `expectedVersion`: it grows with every change.")
    serial_number: str | None = strawberry.field(
        description="Hexadecimal, unique per issuer. Null while it is REQUESTED, as are fingerprint and pem."
    )
    subject: str = strawberry.field(description="RFC 4514. Names come from our records, never from the request.")
    issuer: str
    fingerprint: str | None = strawberry.field(description="SHA-256 of the DER, lower-case hex.")
    key_algorithm: str
    key_fingerprint: str = strawberry.field(description="SHA-256 of the SubjectPublicKeyInfo, lower-case hex.")
    profile: CertificateProfile
    state: CertificateState
    source: CertificateSource
    chain_verified: ChainStatus = strawberry.field(description="What verification found when it came in.")
    not_before: datetime = strawberry.field(description="Of one REQUESTED: as if it had been issued when asked for.")
    not_after: datetime = strawberry.field(description="Included (RFC 5280, 4.1.2.5).")
    registered_at: datetime
    issued_at: datetime | None
    first_used_at: datetime | None
    overlap_ends_at: datetime | None = strawberry.field(
        description="Renewed: when it ends, if its successor is not used before."
    )
    superseded_at: datetime | None
    held_at: datetime | None
    hold_reason: HoldReason | None
    loss_reported_at: datetime | None = strawberry.field(
        description="Since when its key is known to be lost (挂失): it is not released any more."
    )
    revoked_at: datetime | None
    revocation_reason: RevocationReason | None
    invalidity_date: datetime | None = strawberry.field(description="Since when its key is not to be trusted.")
    requested_by: strawberry.ID | None
    approved_by: strawberry.ID | None
    pem: str | None

    @classmethod
    def of(cls, world: World, record: certificates.Certificate) -> Self:
        def known(text: str | None) -> strawberry.ID | None:
            return strawberry.ID(text) if text else None

        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            version=record.version,
            serial_number=record.serial_number,
            subject=record.subject,
            issuer=record.issuer,
            fingerprint=record.fingerprint,
            key_algorithm=record.key_algorithm,
            key_fingerprint=record.spki_sha256,
            profile=record.profile,
            state=record.state,
            source=record.source,
            chain_verified=record.chain_verified,
            not_before=record.not_before,
            not_after=record.not_after,
            registered_at=record.registered_at,
            issued_at=record.issued_at,
            first_used_at=record.first_used_at,
            overlap_ends_at=record.overlap_ends_at,
            superseded_at=record.superseded_at,
            held_at=record.held_at,
            hold_reason=record.hold_reason,
            loss_reported_at=record.loss_reported_at,
            revoked_at=record.revoked_at,
            revocation_reason=RevocationReason(record.revocation_reason) if record.revocation_reason else None,
            invalidity_date=record.invalidity_date,
            requested_by=known(record.requested_by),
            approved_by=known(record.approved_by),
            pem=record.pem,
        )

    @strawberry.field(description="What its dates allow now.")
    def validity(self, info: Info) -> CertificateValidity:
        return validity_at(self.record, now_of(info))

    @strawberry.field(description="Whole days until its end; 0 on the last, negative afterwards.")
    def days_left(self, info: Info) -> int:
        return days_left(self.record, now_of(info))

    @strawberry.field(description="When it can be renewed, and why it can or cannot be now.")
    def renewal_window(self, info: Info) -> RenewalWindow:
        return RenewalWindow.of(renewal_window(self.record, now_of(info)))

    @strawberry.field(description="ISSUED, in date, verified, its operator and participant ACTIVE.")
    async def usable(self, info: Info) -> bool:
        return not await self._obstacles(info)

    @strawberry.field(
        description="Every reason why it is not usable.", directives=[ListSize(assumed_size=len(Obstacle))]
    )
    async def obstacles(self, info: Info) -> list[Obstacle]:
        return list(await self._obstacles(info))

    async def _obstacles(self, info: Info) -> Sequence[Obstacle]:
        return await info.context.loaders.over(info.context.services.certificates.obstacles_of).load(self.record)

    @strawberry.field(description="The authorities above it, up to the root, in PEM.")
    def chain_pem(self, info: Info) -> str:
        authority = info.context.services.authority
        own = self.record.source is CertificateSource.OWN and authority is not None
        return authority.chain_pem if own and authority else self.record.chain_pem

    @strawberry.field(description="Whose it is, if an operator's.", extensions=[OnlyFor(Action.READ_OPERATOR)])
    async def operator(self, info: Info) -> Annotated["Operator", strawberry.lazy("schema.operators")] | None:
        return cast("Operator | None", await find_node(info.context, self.record.operator_id))

    @strawberry.field(description="Whose it is, if a registrar's.", extensions=[OnlyFor(Action.READ_REGISTRAR)])
    async def registrar(self, info: Info) -> Annotated["Registrar", strawberry.lazy("schema.viewer")] | None:
        return cast("Registrar | None", await find_node(info.context, self.record.registrar_id))

    @strawberry.field(description="For whom its holder acts.", extensions=[OnlyFor(Action.READ_PARTICIPANT)])
    async def participant(self, info: Info) -> Annotated["Participant", strawberry.lazy("schema.participants")] | None:
        return cast("Participant | None", await find_node(info.context, self.record.participant_id))

    @strawberry.field(description="The one before it.", extensions=[OnlyFor(Action.READ_CERTIFICATE)])
    async def supersedes(self, info: Info) -> CertificateLazy | None:
        return cast("Certificate | None", await find_node(info.context, self.record.supersedes_id))

    @strawberry.field(description="Its successor.", extensions=[OnlyFor(Action.READ_CERTIFICATE)])
    async def superseded_by(self, info: Info) -> CertificateLazy | None:
        return cast("Certificate | None", await find_node(info.context, self.record.superseded_by_id))

    @strawberry.field(description="The key it is kept on (UKey).", extensions=[OnlyFor(Action.READ_ELECTRONIC_KEY)])
    async def electronic_key(self, info: Info) -> ElectronicKey | None:
        return cast("ElectronicKey | None", await find_node(info.context, self.record.electronic_key_id))

    @strawberry.field(
        description="What was said of its end to come, the first first.",
        extensions=[OnlyFor(Action.READ_CERTIFICATE)],
        directives=[ListSize(assumed_size=10)],
    )
    async def reminders(self, info: Info) -> list[Reminder] | None:
        services = info.context.services
        found = await info.context.loaders.over(services.reminders.of_certificates).load(self.id)
        return [Reminder.of(services.world, each) for each in found]

    @strawberry.field(
        description="What was done by who had logged in with it since its key was lost (`invalidityDate`), or, where "
        "that is not known, in all its life.",
        extensions=[OnlyFor(Action.READ_RECORD)],
    )
    async def acted_since(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Record] | None:
        services, caller = info.context.services, info.context.caller
        request = page_request(info, BY_ID, first=first, after=after, last=last, before=before)
        page = await services.certificates.acted_since(caller, self.record, request)
        return connect(
            page,
            lambda record: Record.of(services.world, record),
            lambda: services.certificates.count_acted_since(caller, self.record),
        )


serve(Kind.CERTIFICATE, lambda services: services.certificates.get_many, Certificate.of)
