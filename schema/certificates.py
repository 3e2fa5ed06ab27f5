"""Certificates (数字证书, art. 13, 14) over GraphQL: whose they are, how they stand, until when, and every why not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Self, cast

import strawberry

from schema.context import Info
from schema.cost import ListSize
from schema.electronic_keys import ElectronicKey
from schema.nodes import ensure_ids, find_node, serve
from schema.pagination import Connection, connect, page_request
from schema.permissions import OnlyFor, asks
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
from service.clock import business_date
from service.errors import BadInput
from service.identifiers import Kind, parse_id
from service.pagination import BY_ID, LATEST_FIRST, PageRequest
from service.pki.chain import ChainStatus
from service.pki.parsing import format_serial, parse_serial
from service.policy import Action
from service.storage import certificates as storage
from service.world import World

if TYPE_CHECKING:
    from schema.operators import Operator
    from schema.participants import Participant
    from schema.viewer import Registrar

LONGEST_LOOK = 398  # days ahead, the longest life of a certificate
MOST_EXPIRIES = 500

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


@strawberry.enum(description="In the order of request or registration, the latest first, or the first to end first.")
class CertificateOrder(StrEnum):
    REGISTERED = "REGISTERED"
    LATEST = "LATEST"
    EXPIRY = "EXPIRY"


ORDERS = {
    CertificateOrder.REGISTERED: BY_ID,
    CertificateOrder.LATEST: LATEST_FIRST,
    CertificateOrder.EXPIRY: storage.BY_EXPIRY,
}


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

    @strawberry.field(description="Every reason why it is not usable.", directives=[ListSize(assumed_size=5)])
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


@strawberry.input(description="Certificates for which all of this holds.")
class CertificateFilter:
    participant_id: strawberry.ID | None = None
    operator_id: strawberry.ID | None = None
    registrar_id: strawberry.ID | None = None
    profile: CertificateProfile | None = None
    state: CertificateState | None = None
    validity: CertificateValidity | None = None
    expires_within_days: int | None = strawberry.field(
        default=None, description=f"Those not expired whose end is at most so many days away (0 to {LONGEST_LOOK})."
    )
    issuer: str | None = strawberry.field(default=None, description="The whole name, as `issuer` has it.")
    fingerprint: str | None = strawberry.field(default=None, description="SHA-256, with or without colons.")
    serial_number: str | None = strawberry.field(default=None, description="Hexadecimal, as people copy it.")

    def asked(self, now: datetime) -> storage.CertificateFilter:
        """Raises BadInput for a serial number or a number of days that is none."""
        days = self.expires_within_days
        if days is not None and not 0 <= days <= LONGEST_LOOK:
            raise BadInput(f"expiresWithinDays is from 0 to {LONGEST_LOOK}; this is {days}.", field="filter")
        return storage.CertificateFilter(
            participant_id=self.participant_id,
            operator_id=self.operator_id,
            registrar_id=self.registrar_id,
            profile=self.profile,
            state=self.state,
            validity=self.validity,
            issuer=self.issuer,
            fingerprint=self.fingerprint.replace(":", "").lower() if self.fingerprint else None,
            serial_number=_serial(self.serial_number) if self.serial_number else None,
            expires_from=now if days is not None else None,
            expires_before=now + timedelta(days=days + 1) if days is not None else None,
        )


def _serial(text: str) -> str:
    try:
        return format_serial(parse_serial(text))
    except ValueError as error:
        raise BadInput(f"This is no serial number: {error}.", field="serialNumber") from None


async def certificates_page(
    info: Info,
    wanted: CertificateFilter,
    order: CertificateOrder,
    *,
    first: int | None,
    after: Cursor | None,
    last: int | None,
    before: Cursor | None,
) -> Connection[Certificate]:
    caller, services = info.context.caller, info.context.services
    ensure_ids(services.world, wanted)
    asked = wanted.asked(now_of(info))
    request = page_request(info, ORDERS[order], first=first, after=after, last=last, before=before)
    page = await services.certificates.page(caller, asked, request)
    return connect(
        page, lambda record: Certificate.of(services.world, record), lambda: services.certificates.count(caller, asked)
    )


def confined(wanted: CertificateFilter | None, **whose: str) -> CertificateFilter:
    """The filter, of one holder's or participant's. Raises BadInput where it asks for another's."""
    given = replace(wanted) if wanted else CertificateFilter()
    for name, value in whose.items():
        if getattr(given, name) not in {None, value}:
            raise BadInput("These are the certificates of one: leave out whose they are.", field="filter")
        setattr(given, name, strawberry.ID(value))
    return given


@strawberry.type(description="A day (in Shanghai) on which certificates end.")
class ExpiryDay:
    day: date
    certificates: list[Certificate] = strawberry.field(directives=[ListSize(assumed_size=5)])


@strawberry.type
class CertificateQuery:
    @strawberry.field(
        description="One certificate (数字证书), by exactly one of its id, serial number or fingerprint.",
        metadata=asks(Action.READ_CERTIFICATE),
    )
    async def certificate(
        self,
        info: Info,
        id: strawberry.ID | None = None,  # noqa: A002 - Relay's name
        serial_number: str | None = None,
        fingerprint: str | None = None,
    ) -> Certificate | None:
        services, caller = info.context.services, info.context.caller
        if len([each for each in (id, serial_number, fingerprint) if each is not None]) != 1:
            raise BadInput("Ask with an id, a serialNumber or a fingerprint: exactly one.", field="id")
        if id is not None:
            parse_id(services.world, id)
            found = await services.certificates.find(caller, id)
            return Certificate.of(services.world, found) if found else None
        wanted = CertificateFilter(serial_number=serial_number, fingerprint=fingerprint).asked(now_of(info))
        page = await services.certificates.page(caller, wanted, PageRequest(LATEST_FIRST, 1))
        return Certificate.of(services.world, page.items[0]) if page.items else None

    @strawberry.field(
        description="Certificates (数字证书): a participant's own, to the depository all.",
        metadata=asks(Action.READ_CERTIFICATE),
    )
    async def certificates(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: CertificateFilter | None = None,  # noqa: A002 - the schema's name for it
        order: CertificateOrder = CertificateOrder.REGISTERED,
    ) -> Connection[Certificate]:
        wanted = filter or CertificateFilter()
        return await certificates_page(info, wanted, order, first=first, after=after, last=last, before=before)

    @strawberry.field(
        description="What expires when (到期日历): the days to come on which certificates that are ISSUED end, of the "
        f"first {MOST_EXPIRIES}.",
        metadata=asks(Action.READ_CERTIFICATE),
        directives=[ListSize(assumed_size=30)],
    )
    async def expiry_calendar(
        self, info: Info, days: int = 90, participant_id: strawberry.ID | None = None
    ) -> list[ExpiryDay]:
        services = info.context.services
        wanted = CertificateFilter(
            participant_id=participant_id, state=CertificateState.ISSUED, expires_within_days=days
        )
        ensure_ids(services.world, wanted)
        request = PageRequest(storage.BY_EXPIRY, MOST_EXPIRIES)
        page = await services.certificates.page(info.context.caller, wanted.asked(now_of(info)), request)
        return [
            ExpiryDay(day=day, certificates=[Certificate.of(services.world, each) for each in ending])
            for day, ending in groupby(page.items, key=lambda each: business_date(each.not_after))
        ]


serve(Kind.CERTIFICATE, lambda services: services.certificates.get_many, Certificate.of)
