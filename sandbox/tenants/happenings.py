"""What a tenant's time has brought, told from its records: reminders, expiries, ends of overlaps, what took effect."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from service.access import SYSTEM
from service.bootstrap import Services
from service.clock import Clock
from service.evidence import canonical
from service.pagination import LATEST_FIRST, PageRequest
from service.records import Record, RecordFilter
from service.reminders import AFTER
from service.storage.certificates import CertificateStore

MOST = 100
_REMINDED = "certificate.reminded"
_KINDS = (_REMINDED, "certificate.superseded", "application.effected")


class HappeningKind(StrEnum):
    REMINDED = "REMINDED"  # a certificate has so many days left, or fewer
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"  # a renewed certificate's overlap is over, or its successor is in use
    APPLICATION_EFFECTED = "APPLICATION_EFFECTED"


_OTHER_KINDS = {
    "certificate.superseded": HappeningKind.SUPERSEDED,
    "application.effected": HappeningKind.APPLICATION_EFFECTED,
}


@dataclass(frozen=True, slots=True)
class Happening:
    """`days_left` is the tier of a reminder. `serial_number` and `not_after` are of its certificate."""

    id: str
    kind: HappeningKind
    at: datetime
    subject: str
    days_left: int | None = None
    serial_number: str | None = None
    not_after: datetime | None = None


class Happenings:
    def __init__(self, services: Services, clock: Clock) -> None:
        self._services = services
        self._clock = clock
        self._certificates = CertificateStore(services.database)

    async def of_tenant(self, tenant_id: str, first: int) -> list[Happening]:
        """The latest first, `MOST` at most; none that is later than the tenant's time, as those before a reset are."""
        until, request = self._clock.now(tenant_id) + timedelta(milliseconds=1), PageRequest(LATEST_FIRST, first)
        records: list[Record] = []
        for kind in _KINDS:
            wanted = RecordFilter(participant_id=tenant_id, kind=kind, until=until)
            records += (await self._services.records.page(SYSTEM, wanted, request)).items
        latest = sorted(records, key=lambda each: each.id, reverse=True)[:first]
        return await self._told(latest)

    async def _told(self, records: list[Record]) -> list[Happening]:
        contents = [canonical.decode(each.content.encode())["content"] for each in records]
        subjects = [content.get("certificate", each.subject) for each, content in zip(records, contents, strict=True)]
        known = await self._certificates.get_many(sorted({each for each in subjects if each}))
        certificates = {each.id: each for each in known if each}
        told = []
        for record, content, subject in zip(records, contents, subjects, strict=True):
            certificate = certificates.get(subject or "")
            told.append(
                Happening(
                    id=record.id,
                    kind=_kind(record, content.get("tier")),
                    at=record.at,
                    subject=subject or "",
                    days_left=content.get("tier") if content.get("tier") != AFTER else None,
                    serial_number=certificate.serial_number if certificate else None,
                    not_after=certificate.not_after if certificate else None,
                )
            )
        return told


def _kind(record: Record, tier: int | None) -> HappeningKind:
    if record.kind == _REMINDED:
        return HappeningKind.EXPIRED if tier == AFTER else HappeningKind.REMINDED
    return _OTHER_KINDS[record.kind]
