"""Certificates in MongoDB: found by fingerprint, serial and holder; those of a holder end together."""

from collections.abc import Sequence
from datetime import datetime

from service.certificates import STANDING, Certificate, CertificateState
from service.endings import CertificateEnd
from service.storage.database import Database, Index, Session
from service.storage.documents import Codec, Versioned, declare

CERTIFICATE_CODEC = Codec(Certificate)

CERTIFICATES = declare(
    "certificates",
    CERTIFICATE_CODEC,
    Index((("fingerprint", 1),), unique=True),
    Index((("issuer", 1), ("serialNumber", 1)), unique=True),  # a serial is its issuer's own (RFC 5280, 4.1.2.2)
    Index((("serialNumber", 1), ("_id", 1))),
    Index((("operatorId", 1), ("state", 1), ("_id", 1))),
    Index((("registrarId", 1), ("_id", 1))),
    Index((("participantId", 1), ("_id", 1))),
    Index((("participantId", 1), ("notAfter", 1), ("_id", 1))),
    Index((("notAfter", 1), ("_id", 1))),
)

_STANDING = [state.value for state in STANDING]


class CertificateStore(Versioned[Certificate]):
    """Also how certificates end with their operators: `service.endings.CertificateEndings`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, CERTIFICATES, CERTIFICATE_CODEC)

    async def find_by_fingerprint(self, fingerprint: str, session: Session = None) -> Certificate | None:
        return await self.find_by({"fingerprint": fingerprint}, session)

    async def end_certificates(
        self, session: Session, operator_ids: Sequence[str], reason: CertificateEnd, at: datetime
    ) -> Sequence[str]:
        """Revoke all that stand; answers their ids."""
        standing = {"operatorId": {"$in": list(operator_ids)}, "state": {"$in": _STANDING}}
        found = [each["_id"] async for each in self.collection.find(standing, {"_id": 1}, session=session)]
        change = {"state": CertificateState.REVOKED.value, "revokedAt": at, "revocationReason": reason.value}
        await self.collection.update_many(standing, {"$set": change, "$inc": {"version": 1}}, session=session)
        return found

    async def holders_of_certificates(self, operator_ids: Sequence[str]) -> set[str]:
        standing = {"operatorId": {"$in": list(operator_ids)}, "state": {"$in": _STANDING}}
        return {each["operatorId"] async for each in self.collection.find(standing, {"operatorId": 1})}
