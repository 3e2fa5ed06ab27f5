"""What logging in asks of those who keep certificates, operators and participants."""

from datetime import datetime
from typing import Protocol

from service.access import Caller
from service.storage.database import Session


class Holder(Protocol):
    """One LOGIN certificate and the person behind it, as they are at this moment."""

    @property
    def fingerprint(self) -> str:
        """The certificate's SHA-256 in lower-case hex."""

    @property
    def public_key(self) -> bytes:
        """The certificate's SubjectPublicKeyInfo (DER)."""

    @property
    def id(self) -> str | None:
        """Of the operator or registrar; None for a certificate that stands for nobody."""

    @property
    def participant_id(self) -> str | None: ...

    def caller(self, now: datetime, issued_at: datetime | None = None) -> Caller:
        """The caller that the holder is now; `issued_at` is that of a token, None at login.

        Raises Unauthenticated for whoever is not to be let in: certificate, holder, participant or session has ended.
        """


class Holders(Protocol):
    """Who holds which certificate: kept by the storage of certificates, operators and participants."""

    async def find_holder(self, certificate_fingerprint: str) -> Holder | None:
        """By the certificate's SHA-256 in lower-case hex. Answers for what is not usable too."""


class FirstUse(Protocol):
    async def __call__(self, session: Session, caller: Caller, fingerprint: str, /) -> str | None:
        """A certificate logs in, inside this transaction. Answers the fingerprint of one whose end that is."""


async def ends_nothing(session: Session, caller: Caller, fingerprint: str, /) -> str | None:  # noqa: ARG001 - FirstUse
    return None
