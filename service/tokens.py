"""Login by certificate (art. 13) and what follows from it: access tokens, and the caller behind each of them.

A client assertion (RFC 7523) signed by the key of a LOGIN certificate is spent for an access token (RFC 9068, ES256) of
ten minutes, bound to that certificate (`cnf`, RFC 8705). A token only says who logged in: at each use the certificate,
its holder and the participant are looked at again.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode
from ulid import ULID

from service.access import ANONYMOUS, Caller
from service.assertions import (
    ALGORITHMS,
    NOT_PROVEN,
    Assertion,
    AssertionRefused,
    Reason,
    ensure_addressed,
    ensure_timely,
    parse_assertion,
    usable_until,
    verify_signature,
)
from service.clock import Clock
from service.errors import EnvironmentMismatch, Unauthenticated
from service.evidence import canonical
from service.evidence.errors import Malformed
from service.keys import TOKEN_LIFETIME, TOKEN_TYPE, SigningKeys
from service.login_holders import FirstUse, Holder, Holders, ends_nothing
from service.records import RecordService
from service.storage.database import Database, Session
from service.storage.tokens import AssertionStore
from service.world import World

MAX_TOKEN = 4_096
CACHE_SECONDS = 1.0
CACHED_HOLDERS = 10_000
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
CLAIMS = frozenset({"iss", "aud", "sub", "client_id", "participant", "env", "iat", "exp", "jti", "cnf"})


@dataclass(frozen=True, slots=True)
class AccessToken:
    token: str = field(repr=False)
    expires_in: int  # seconds
    caller: Caller


class TokenService:
    def __init__(
        self,
        world: World,
        clock: Clock,
        keys: SigningKeys,
        *,
        issuer: str,
        holders: Holders,
        database: Database,
        records: RecordService,
        note_use: FirstUse = ends_nothing,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._world = world
        self._clock = clock
        self._keys = keys
        self.issuer = issuer
        self.endpoint = issuer + TOKEN_PATH
        self._holders = holders
        self._database = database
        self._spent = AssertionStore(database)
        self._records = records
        self._note_use = note_use
        self._monotonic = monotonic
        self._cache: dict[str, tuple[float, Holder | None]] = {}
        self._forgotten = 0

    async def login(self, text: str, source: str | None = None) -> AccessToken:
        """An access token for a client assertion, which is spent. Every outcome is recorded, the assertion never.

        Of refusals too many from one `source`, an address, only their number is. Who is named in a record of a refusal
        has proven to hold the certificate's key.

        1. The assertion has the form of one, and an algorithm of the list.
        2. It is of this world.
        3. It names a certificate that is known, and is signed by its key with that key's algorithm.
        4. It speaks for the certificate's holder, to this service, now.
        5. Certificate, holder and participant are in order.
        6. It was never used before.

        Raises AssertionRefused, EnvironmentMismatch.
        """
        holder, proven = None, False
        try:
            assertion = parse_assertion(text)  # 1
            self._ensure_of_this_world(assertion)  # 2
            holder = await self._holders.find_holder(assertion.certificate)  # 3: never from the cache
            if holder is None:
                raise AssertionRefused(Reason.CERTIFICATE_UNKNOWN, NOT_PROVEN)
            verify_signature(assertion, holder.public_key)  # 3
            proven = True
            self._ensure_meant(assertion, holder)  # 4
            return await self._issue(assertion, self._admit(holder))  # 5, 6
        except AssertionRefused as refused:
            if holder is not None:
                refused.claimed = (holder.id, holder.participant_id)
            await self._record_refusal(refused, holder, source, proven=proven)
            raise
        except EnvironmentMismatch:
            await self.record_crossing("client assertion", source)
            raise

    async def authenticate(self, token: str) -> Caller:
        """The caller behind an access token, as certificate, holder and participant are now (at most 1 s ago).

        Raises Unauthenticated, which says what has ended to none but the token's owner; EnvironmentMismatch for a token
        of the other world.
        """
        now = self._clock.now()
        claims = await self._verified_claims(token, now)
        certificate = urlsafe_b64decode(claims["cnf"]["x5t#S256"].encode()).hex()
        holder = await self._find_holder(certificate)
        if holder is None or (holder.id, holder.participant_id) != (claims["sub"], claims["participant"]):
            raise _void()
        issued_at = datetime.fromtimestamp(claims["iat"], UTC)
        return holder.caller(self._clock.now(holder.participant_id), issued_at)

    def forget(self, certificate: str | None = None) -> None:
        """Look again at once: at this certificate, or at all. To be called whenever the state behind one changes."""
        self._forgotten += 1
        if certificate is None:
            self._cache.clear()
        else:
            self._cache.pop(certificate, None)

    def key_set(self) -> Mapping[str, Any]:
        """The JWKS by which a gateway verifies access tokens."""
        return dict(self._keys.token_keys(self._clock.now()).as_dict(private=False))

    def metadata(self) -> Mapping[str, Any]:
        """RFC 8414 section 2."""
        return {
            "issuer": self.issuer,
            "token_endpoint": self.endpoint,
            "jwks_uri": f"{self.issuer}/.well-known/jwks.json",
            "response_types_supported": [],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        }

    def _ensure_of_this_world(self, assertion: Assertion) -> None:
        there = self._world.neighbour
        if assertion.subject.startswith(f"{there.id_prefix}-") or assertion.issuer.startswith(f"{there.id_prefix}-"):
            raise EnvironmentMismatch("assertion", here=self._world.environment, there=there.environment)

    def _ensure_meant(self, assertion: Assertion, holder: Holder) -> None:
        if not assertion.issuer == assertion.subject == holder.id:
            raise AssertionRefused(Reason.SUBJECT, "iss and sub must be the id of the certificate's holder.")
        ensure_addressed(assertion, (self.endpoint, self.issuer))
        ensure_timely(assertion, self._clock.now())

    def _admit(self, holder: Holder) -> Caller:
        try:
            return holder.caller(self._clock.now(holder.participant_id))
        except Unauthenticated as error:
            raise AssertionRefused(Reason.NOT_ADMITTED, error.message) from error

    async def _issue(self, assertion: Assertion, caller: Caller) -> AccessToken:
        now = self._clock.now()
        token_id = str(ULID.from_datetime(now))
        expires = int((now + TOKEN_LIFETIME).timestamp())

        async def work(session: Session) -> str | None:
            until = usable_until(assertion)
            if not await self._spent.spend(assertion.certificate, assertion.jti, until, session):
                raise AssertionRefused(Reason.REPLAYED, "The assertion was used before: sign a new one for each login.")
            content = {"token": token_id, "expires": expires}
            await self._records.write(caller, session, "login.accepted", caller.id, caller.participant_id, content)
            return await self._note_use(session, caller, assertion.certificate)

        superseded = await self._database.transaction(work)
        if superseded is not None:
            self.forget(superseded)
        thumbprint = urlsafe_b64encode(bytes.fromhex(assertion.certificate)).decode()
        claims = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": caller.id,
            "client_id": caller.id,
            "participant": caller.participant_id,
            "env": self._world.environment.value,
            "iat": int(now.timestamp()),
            "exp": expires,
            "jti": token_id,
            "cnf": {"x5t#S256": thumbprint},
        }
        return AccessToken(self._keys.sign_token(claims), int(TOKEN_LIFETIME.total_seconds()), caller)

    async def _verified_claims(self, token: str, now: datetime) -> Mapping[str, Any]:
        """Verify a token of ours: form, world, key, signature, claims, lifetime. Raises Unauthenticated."""
        if len(token) > MAX_TOKEN or token.count(".") != 2:
            raise _void()
        try:
            header, claims = (
                canonical.decode_loosely(urlsafe_b64decode(each.encode("ascii"))) for each in token.split(".")[:2]
            )
            await self._ensure_token_of_this_world(claims)
            if header.keys() != {"alg", "kid", "typ"} or (header["alg"], header["typ"]) != ("ES256", TOKEN_TYPE):
                raise _void()
            keys = {key.kid: key for key in self._keys.token_keys(now).keys}
            jws.deserialize_compact(token, keys[header["kid"]], ["ES256"])
        except (JoseError, Malformed, KeyError, ValueError, TypeError) as error:
            raise _void() from error
        ours = (claims.get("iss"), claims.get("aud"), claims.get("env"))
        if claims.keys() != CLAIMS or ours != (self.issuer, self.issuer, self._world.environment.value):
            raise _void()
        if now.timestamp() >= claims["exp"]:
            raise _void()
        return claims

    async def _ensure_token_of_this_world(self, claims: Mapping[str, Any]) -> None:
        """Before any key is looked at: a token of the other world is told so, whoever signed it (art. 17)."""
        there = self._world.neighbour
        if claims.get("env") == there.environment.value:
            await self.record_crossing("access token")
            raise EnvironmentMismatch("access token", here=self._world.environment, there=there.environment)

    async def _find_holder(self, certificate: str) -> Holder | None:
        now = self._monotonic()
        seen_at, holder = self._cache.get(certificate, (float("-inf"), None))
        if now - seen_at < CACHE_SECONDS:
            return holder
        forgotten = self._forgotten
        holder = await self._holders.find_holder(certificate)
        if forgotten != self._forgotten:  # read before the change that it is to be forgotten for: not to be remembered
            return holder
        if len(self._cache) >= CACHED_HOLDERS:
            self._cache.clear()
        self._cache[certificate] = (now, holder)
        return holder

    async def _record_refusal(
        self, refused: AssertionRefused, holder: Holder | None, source: str | None, *, proven: bool
    ) -> None:
        content = {
            "reason": refused.reason.value,
            "text": str(refused),
            "certificate": holder.fingerprint if holder else None,
            "proven": proven,
        }
        subject, participant = (holder.id, holder.participant_id) if holder and proven else (None, None)
        await self._records.attempts.note(
            ANONYMOUS,
            "login.refused",
            refused.reason.value,
            content,
            source=subject or source,
            subject=subject,
            participant_id=participant,
        )

    async def record_crossing(self, thing: str, source: str | None = None) -> None:
        """Record that something of the other world was brought here, by nobody we know."""
        await self._records.attempts.crossed(ANONYMOUS, thing, source=source)


def _void() -> Unauthenticated:
    return Unauthenticated("The access token is not valid, or no longer: log in again.")
