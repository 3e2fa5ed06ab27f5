"""Certificates found by all that people know of them: one by what names it, many by a filter, a page at a time."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

import strawberry

from schema.certificates import Certificate, now_of
from schema.context import Info
from schema.nodes import ensure_ids
from schema.pagination import Connection, connection_of, page_request
from schema.permissions import asks
from schema.scalars import Cursor
from service.certificates import (
    CertificateProfile,
    CertificateState,
    CertificateValidity,
)
from service.errors import BadInput
from service.identifiers import parse_id
from service.pagination import BY_ID, LATEST_FIRST, PageRequest
from service.pki.parsing import format_serial, parse_serial
from service.policy import Action
from service.storage import certificates as storage

LONGEST_LOOK = 398  # days ahead, the longest life of a certificate


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
    order: CertificateOrder | None,
    *,
    first: int | None,
    after: Cursor | None,
    last: int | None,
    before: Cursor | None,
) -> Connection[Certificate]:
    services = info.context.services
    ensure_ids(services.world, wanted)
    asked = wanted.asked(now_of(info))
    by = ORDERS[order or CertificateOrder.REGISTERED]
    request = page_request(info, by, first=first, after=after, last=last, before=before)
    return await connection_of(info, services.certificates, Certificate.of, asked, request)


def confined(wanted: CertificateFilter | None, **whose: str) -> CertificateFilter:
    """The filter, of one holder's or participant's. Raises BadInput where it asks for another's."""
    given = replace(wanted) if wanted else CertificateFilter()
    for name, value in whose.items():
        if getattr(given, name) not in {None, value}:
            raise BadInput("These are the certificates of one: leave out whose they are.", field="filter")
        setattr(given, name, strawberry.ID(value))
    return given


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
        order: CertificateOrder | None = CertificateOrder.REGISTERED,
    ) -> Connection[Certificate]:
        wanted = filter or CertificateFilter()
        return await certificates_page(info, wanted, order, first=first, after=after, last=last, before=before)
