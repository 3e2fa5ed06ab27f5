"""Keys of certificates in MongoDB: one document a key. Two that claim one key meet at its id."""

from datetime import datetime

from service.certificate_keys import BlockReason, CertificateKey, blocked, ensure_certifiable
from service.pki.profiles import Profile
from service.storage.database import Database, Session
from service.storage.documents import Codec, Versioned, declare

CERTIFICATE_KEY_CODEC = Codec(CertificateKey)

CERTIFICATE_KEYS = declare("certificate_keys", CERTIFICATE_KEY_CODEC)


class CertificateKeyStore(Versioned[CertificateKey]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, CERTIFICATE_KEYS, CERTIFICATE_KEY_CODEC)

    async def claim(
        self, session: Session, spki_sha256: str, holder_id: str, profile: Profile, at: datetime
    ) -> CertificateKey:
        """The key as this holder's, for this use. Raises Refused if it is another's, of another use, or blocked.

        A key that is known is written again, so that its blocking at the same moment meets this.
        """
        known = await self.find(spki_sha256, session)
        if known is None:
            fresh = CertificateKey(id=spki_sha256, version=1, holder_id=holder_id, profile=profile, seen_at=at)
            return await self.insert(session, fresh)
        ensure_certifiable(known, holder_id, profile)
        return await self.replace(session, known)

    async def block(
        self,
        session: Session,
        spki_sha256: str,
        reason: BlockReason,
        at: datetime,
        invalid_since: datetime | None = None,
    ) -> CertificateKey:
        """Never to be certified again. Repeated, it only moves the date back."""
        known = await self.find(spki_sha256, session)
        if known is None:
            fresh = CertificateKey(id=spki_sha256, version=1, seen_at=at)
            return await self.insert(session, blocked(fresh, reason, at, invalid_since))
        return await self.replace(session, blocked(known, reason, at, invalid_since))
