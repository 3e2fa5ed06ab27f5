"""Logins for tests: keys of every kind, holders in memory, assertions signed rightly and wrongly."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.util import urlsafe_b64encode

from service.access import Caller, CallerKind, OperatorRole, Permission
from service.errors import Unauthenticated
from service.storage.database import Database
from service.tokens import TokenService
from tests.service.records import KEYS, OPERATOR, PARTICIPANT, REGISTRAR, list_records, make_service

ISSUER = "https://prop.example.org"
ENDPOINT = f"{ISSUER}/oauth/token"
START = datetime(2026, 11, 22, 8, tzinfo=UTC)


class StillClock:
    def __init__(self) -> None:
        self.time = START

    def now(self, tenant: str | None = None) -> datetime:
        return self.time


@dataclass
class Persona:
    """A key, its algorithm, and the certificate that stands for it: no X.509 is needed to test what tokens do."""

    key: Any
    algorithm: str
    name: str = "one"
    id: str = str(OPERATOR.id)

    @property
    def jwk(self) -> Key:
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        kinds: dict[str, type[ECKey | OKPKey | RSAKey]] = {"E": ECKey, "P": RSAKey}
        kind = OKPKey if self.algorithm.startswith("Ed") else kinds[self.algorithm[0]]
        return kind.import_key(pem)

    @property
    def public_key(self) -> bytes:
        return bytes(self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.name.encode()).digest()

    @property
    def holder(self) -> "MemoryHolder":
        return MemoryHolder(
            fingerprint=self.digest.hex(),
            public_key=self.public_key,
            id=self.id,
            participant_id=PARTICIPANT,
            role=OperatorRole.ADMINISTRATOR,
            permissions=frozenset({Permission.OPERATOR_READ}),
        )

    def claims(self, at: datetime = START, **changes: Any) -> dict[str, Any]:
        moment = int(at.timestamp())
        claims = {"iss": self.id, "sub": self.id, "aud": ENDPOINT, "iat": moment, "exp": moment + 60, "jti": "j1"}
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def header(self, **changes: Any) -> dict[str, Any]:
        header = {"alg": self.algorithm, "typ": "JWT", "x5t#S256": urlsafe_b64encode(self.digest).decode()}
        return {name: value for name, value in (header | changes).items() if value is not None}

    def sign(self, claims: Mapping[str, Any] | bytes | None = None, **header: Any) -> str:
        payload = claims if isinstance(claims, bytes) else json.dumps(claims or self.claims()).encode()
        algorithm = "Ed25519" if self.algorithm == "EdDSA" else self.algorithm
        signer = jws.JWSRegistry.algorithms[algorithm]
        parts = [urlsafe_b64encode(each) for each in (json.dumps(self.header(**header)).encode(), payload)]
        text = b".".join(parts)
        return f"{text.decode()}.{urlsafe_b64encode(signer.sign(text, self.jwk)).decode()}"


@dataclass(frozen=True)
class MemoryHolder:
    """A holder as the token service sees one; `obstacle` is what its storage would refuse it with."""

    fingerprint: str
    public_key: bytes
    id: str
    participant_id: str | None
    role: OperatorRole
    permissions: frozenset[Permission]
    obstacle: str | None = None
    sessions_end_at: datetime | None = None

    def caller(self, now: datetime, issued_at: datetime | None = None) -> Caller:
        if self.obstacle is not None:
            raise Unauthenticated(self.obstacle)
        if issued_at is not None and self.sessions_end_at is not None and issued_at <= self.sessions_end_at:
            raise Unauthenticated("This session has ended.")
        kind = CallerKind.OPERATOR
        return Caller(kind, self.id, self.participant_id, self.role, self.fingerprint, self.permissions)


P256 = Persona(ec.generate_private_key(ec.SECP256R1()), "ES256")
P384 = Persona(ec.generate_private_key(ec.SECP384R1()), "ES384", "two")
ED25519 = Persona(ed25519.Ed25519PrivateKey.generate(), "EdDSA", "three")
RSA = Persona(rsa.generate_private_key(65537, 2048), "PS256", "four")
EVERYBODY = (P256, P384, ED25519, RSA)


@dataclass
class MemoryHolders:
    holders: dict[str, MemoryHolder] = field(
        default_factory=lambda: {each.holder.fingerprint: each.holder for each in EVERYBODY}
    )
    asked: int = 0

    async def find_holder(self, certificate_fingerprint: str) -> MemoryHolder | None:
        self.asked += 1
        return self.holders.get(certificate_fingerprint)

    def change(self, persona: Persona, **changes: Any) -> None:
        self.holders[persona.holder.fingerprint] = replace(self.holders[persona.holder.fingerprint], **changes)


@dataclass
class Desk:
    """A token service with everything about it in reach."""

    database: Database
    clock: StillClock = field(default_factory=StillClock)
    holders: Any = field(default_factory=MemoryHolders)  # any Holders; most tests change these
    monotonic: float = 0.0

    def __post_init__(self) -> None:
        self.records = make_service(self.database)
        self.tokens = TokenService(
            self.database.world,
            self.clock,
            KEYS,
            issuer=ISSUER,
            holders=self.holders,
            database=self.database,
            records=self.records,
            monotonic=lambda: self.monotonic,
        )


async def records_of(desk: Desk) -> list[tuple[str, dict[str, Any]]]:
    found = await list_records(make_service(desk.database), REGISTRAR)
    return [(each.kind, json.loads(each.content)["content"]) for each in found]
