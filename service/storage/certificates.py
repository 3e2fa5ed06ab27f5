"""Certificates in MongoDB: found by fingerprint, serial, key and holder; those of a holder end together.

What the revocation list says of a certificate is written in the transaction that changes the certificate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from service.certificate_changes import revoked
from service.certificates import (
    SEATED,
    STANDING,
    Certificate,
    CertificateProfile,
    CertificateSource,
    CertificateState,
    CertificateValidity,
    RevocationReason,
    renewal_start,
    validity_at,
)
from service.endings import CertificateEnd
from service.pagination import Order, SortKey
from service.pki.chain import ChainStatus
from service.storage.database import Database, Document, Index, Session
from service.storage.documents import Codec, Versioned, declare
from service.storage.revocations import RevocationStore

CERTIFICATE_CODEC = Codec(Certificate)

BY_EXPIRY = Order("expiry", (SortKey("notAfter", datetime), SortKey("_id")))

_EVER = datetime(2000, 1, 1, tzinfo=UTC)  # a lower bound, or a planner walks past all that have no such date
_PRESENT = {"$gt": ""}  # a filter that both servers' planners see an equality imply

CERTIFICATES = declare(
    "certificates",
    CERTIFICATE_CODEC,
    Index((("fingerprint", 1),), unique=True, partial={"fingerprint": _PRESENT}),
    Index((("issuedAs", 1),), unique=True, partial={"issuedAs": _PRESENT}),
    Index((("seat", 1),), unique=True, partial={"seat": _PRESENT}),
    Index((("serialNumber", 1), ("_id", 1))),
    Index((("spkiSha256", 1), ("chainVerified", 1), ("_id", 1))),
    Index((("operatorId", 1), ("state", 1), ("_id", 1))),
    Index((("operatorId", 1), ("_id", 1))),
    Index((("operatorId", 1), ("notAfter", 1), ("_id", 1))),
    Index((("registrarId", 1), ("_id", 1))),
    Index((("registrarId", 1), ("state", 1), ("_id", 1))),
    Index((("electronicKeyId", 1), ("participantId", 1), ("state", 1), ("_id", 1))),
    Index((("participantId", 1), ("_id", 1))),
    Index((("participantId", 1), ("state", 1), ("_id", 1))),
    Index((("participantId", 1), ("notAfter", 1), ("_id", 1))),
    Index((("participantId", 1), ("overlapDue", 1), ("_id", 1))),
    Index((("state", 1), ("_id", 1))),
    Index((("state", 1), ("notAfter", 1), ("_id", 1))),
    Index((("profile", 1), ("_id", 1))),
    Index((("profile", 1), ("notAfter", 1), ("_id", 1))),
    Index((("issuer", 1), ("_id", 1))),
    Index((("notAfter", 1), ("_id", 1))),
    Index((("overlapDue", 1), ("_id", 1))),
    derived={
        "seat": {"bsonType": "string"},
        "issuedAs": {"bsonType": "string"},
        "overlapDue": {"bsonType": "date"},
        "renewalFrom": {"bsonType": "date"},
    },
)
"""`seat`: one usable certificate a holder and profile; a successor takes it over while the old one still serves.

`issuedAs`: issuer and serial number, since a serial is its issuer's own (RFC 5280, 4.1.2.2). Only where the issuer was
verified: a name and a number that anybody may have written keep nobody's out.
"""

_STANDING = [state.value for state in STANDING]
_SEATED = [state.value for state in SEATED]


def issued_as(issuer: str, serial_number: str) -> str:
    return f"{issuer}/{serial_number}"


def _derived(certificate: Certificate) -> Document:
    derived: Document = {"renewalFrom": renewal_start(certificate.not_before, certificate.not_after)}
    if certificate.serial_number is not None and certificate.proven:
        derived["issuedAs"] = issued_as(certificate.issuer, certificate.serial_number)
    if certificate.seat is not None:
        derived["seat"] = certificate.seat
    if certificate.state in SEATED and certificate.overlap_ends_at is not None:
        derived["overlapDue"] = certificate.overlap_ends_at
    return derived


@dataclass(frozen=True, slots=True)
class CertificateFilter:
    """What all hold together; None asks nothing. `serial_number` as it is kept: upper-case, no leading zeros."""

    participant_id: str | None = None
    operator_id: str | None = None
    registrar_id: str | None = None
    profile: CertificateProfile | None = None
    state: CertificateState | None = None
    validity: CertificateValidity | None = None
    issuer: str | None = None
    fingerprint: str | None = None
    serial_number: str | None = None
    expires_from: datetime | None = None
    expires_before: datetime | None = None


def certificate_query(wanted: CertificateFilter, only: str | None, now: datetime) -> Document:
    """`only`: the one participant whose certificates the caller may see, or None for all."""
    named = {
        "participantId": wanted.participant_id,
        "operatorId": wanted.operator_id,
        "registrarId": wanted.registrar_id,
        "profile": wanted.profile and wanted.profile.value,
        "state": wanted.state and wanted.state.value,
        "issuer": wanted.issuer,
        "fingerprint": wanted.fingerprint,
        "serialNumber": wanted.serial_number,
    }
    query: Document = {field: value for field, value in named.items() if value is not None}
    if only is not None:  # what is asked of another participant is empty, not refused
        query["participantId"] = only if wanted.participant_id in {None, only} else {"$in": []}
    dates = _dates(wanted.validity, now)
    ends = dates.setdefault("notAfter", {})
    if wanted.expires_from is not None:
        ends["$gte"] = max(wanted.expires_from, ends.get("$gte", wanted.expires_from))
    if wanted.expires_before is not None:
        ends["$lt"] = min(wanted.expires_before, ends.get("$lt", wanted.expires_before))
    return query | {field: bounds for field, bounds in dates.items() if bounds}


def _dates(validity: CertificateValidity | None, now: datetime) -> dict[str, dict[str, datetime]]:
    """Each with a bound on the end, by which the index finds it."""
    match validity:
        case CertificateValidity.NOT_YET_VALID:
            return {"notAfter": {"$gte": now}, "notBefore": {"$gt": now}}
        case CertificateValidity.EXPIRED:
            return {"notAfter": {"$lt": now}}
        case CertificateValidity.EXPIRING:
            return {"notAfter": {"$gte": now}, "renewalFrom": {"$lte": now}}
        case CertificateValidity.VALID:
            return {"notAfter": {"$gte": now}, "notBefore": {"$lte": now}, "renewalFrom": {"$gt": now}}
        case None:
            return {}


def fits(certificate: Certificate, wanted: CertificateFilter, now: datetime) -> bool:
    """Whether the filter finds the certificate: `certificate_query`, said of a certificate at hand."""
    return (
        wanted.participant_id in {None, certificate.participant_id}
        and wanted.operator_id in {None, certificate.operator_id}
        and wanted.registrar_id in {None, certificate.registrar_id}
        and wanted.profile in {None, certificate.profile}
        and wanted.state in {None, certificate.state}
        and wanted.validity in {None, validity_at(certificate, now)}
        and wanted.issuer in {None, certificate.issuer}
        and wanted.fingerprint in {None, certificate.fingerprint}
        and wanted.serial_number in {None, certificate.serial_number}
        and (wanted.expires_from is None or certificate.not_after >= wanted.expires_from)
        and (wanted.expires_before is None or certificate.not_after < wanted.expires_before)
    )


class CertificateStore(Versioned[Certificate]):
    """Also how certificates end with their operators: `service.endings.CertificateEndings`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, CERTIFICATES, CERTIFICATE_CODEC, _derived)
        self._revocations = RevocationStore(database)

    async def replace(self, session: Session, record: Certificate) -> Certificate:
        """As for every record; where the certificate is one of ours, what the revocation list says moves with it."""
        following = await super().replace(session, record)
        await self._list(session, [following])
        return following

    async def replace_many(self, session: Session, records: Sequence[Certificate]) -> None:
        """As for every record; what the revocation list says moves with them."""
        await super().replace_many(session, records)
        await self._list(session, records)

    async def _list(self, session: Session, changed: Sequence[Certificate]) -> None:
        ours = [each for each in changed if each.source is CertificateSource.OWN and each.serial_number is not None]
        if ours:
            await self._revocations.follow(session, ours)

    async def find_by_fingerprint(self, fingerprint: str, session: Session = None) -> Certificate | None:
        return await self.find_by({"fingerprint": fingerprint}, session)

    async def find_by_serial(self, issuer: str, serial_number: str, session: Session = None) -> Certificate | None:
        """One whose issuer was verified; an outside authority's as well."""
        return await self.find_by({"issuedAs": issued_as(issuer, serial_number)}, session)

    async def find_own(self, issuer: str, serial_number: str) -> Certificate | None:
        """One that the authority of this world issued: of no other does it answer."""
        found = await self.find_by_serial(issuer, serial_number)  # one at most: the index of serials answers
        return found if found and found.source is CertificateSource.OWN else None

    async def find_seated(
        self, holder_id: str, profile: CertificateProfile, session: Session = None
    ) -> Certificate | None:
        """The holder's one certificate of the profile, expired or not."""
        return await self.find_by({"seat": f"{holder_id}/{profile.value}"}, session)

    async def standing_of(self, holder: Document, session: Session = None) -> list[Certificate]:
        """Those not ended, of `{"operatorId": ...}` or `{"registrarId": ...}`; few, since seats are."""
        return await self.list_by({**holder, "state": {"$in": _STANDING}}, 100, session)

    async def requested_of(self, holder: Document, session: Session = None) -> list[Certificate]:
        """Those that the holder waits for, whatever else it has: one of a profile."""
        return await self.list_by({**holder, "state": CertificateState.REQUESTED.value}, 100, session)

    async def standing_on(
        self, electronic_key_id: str, participant_id: str, session: Session = None
    ) -> list[Certificate]:
        """Those of the participant on one electronic key that are not ended, however many are."""
        on_it = {"electronicKeyId": electronic_key_id, "participantId": participant_id}
        return await self.list_by({**on_it, "state": {"$in": _STANDING}}, 100, session)

    async def of_key(self, spki_sha256: str, session: Session = None) -> list[Certificate]:
        """Those that are proven to be of the key; others only say so, and may be anybody's."""
        proven = {"spkiSha256": spki_sha256, "chainVerified": ChainStatus.VERIFIED.value}
        return await self.list_by(proven, 1000, session)

    async def requested(self, after: str, limit: int) -> list[Certificate]:
        return await self.list_by({"state": CertificateState.REQUESTED.value, "_id": {"$gt": after}}, limit)

    async def overlaps_due(self, now: datetime, participant_id: str | None = None) -> list[str]:
        """Ids of old ones that still serve though their overlap is over, of one participant or of all, latest last."""
        whose = {} if participant_id is None else {"participantId": participant_id}
        due = {"overlapDue": {"$gt": _EVER, "$lte": now}, **whose}
        found = await self.collection.find(due, {"_id": 1}).sort([("overlapDue", 1), ("_id", 1)]).to_list(None)
        return [each["_id"] for each in found]

    async def overlaps_ending(self, participant_id: str, after: datetime, until: datetime) -> list[datetime]:
        """When overlaps of a participant's end in this time."""
        query = {"participantId": participant_id, "overlapDue": {"$gt": after, "$lte": until}}
        found = await self.collection.find(query, {"overlapDue": 1}).to_list(None)
        return [each["overlapDue"] for each in found]

    async def end_certificates(
        self, session: Session, operator_ids: Sequence[str], reason: CertificateEnd, at: datetime
    ) -> Mapping[str, Sequence[str]]:
        """Revoke all that stand; answers their ids by operator."""
        ended: dict[str, list[str]] = {}
        for each in await self._end_standing(session, {"operatorId": {"$in": list(operator_ids)}}, reason, at):
            ended.setdefault(each.operator_id or "", []).append(each.id)
        return ended

    async def end_registrars(self, session: Session, registrar_id: str, at: datetime) -> Sequence[str]:
        """As `end_certificates`, of a registrar who leaves; answers their ids."""
        reason = CertificateEnd.AFFILIATION_CHANGED
        return [each.id for each in await self._end_standing(session, {"registrarId": registrar_id}, reason, at)]

    async def _end_standing(
        self, session: Session, holders: Document, reason: CertificateEnd, at: datetime
    ) -> Sequence[Certificate]:
        cursor = self.collection.find({**holders, "state": {"$in": _STANDING}}, session=session).sort("_id", 1)
        standing = [self._codec.decode(each) for each in await cursor.to_list(None)]
        await self.replace_many(session, [revoked(each, RevocationReason(reason.value), at) for each in standing])
        return standing

    async def holders_of_certificates(self, operator_ids: Sequence[str]) -> set[str]:
        standing = {"operatorId": {"$in": list(operator_ids)}, "state": {"$in": _STANDING}}
        return {each["operatorId"] async for each in self.collection.find(standing, {"operatorId": 1})}
