"""Joining the sandbox: from nothing to a participant with three operators, certificates, a secret and programs to run.

Keys are made on the caller's side: what comes in are PKCS#10 requests, which prove possession of the key they carry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from sandbox.issuing import issue_certificate
from sandbox.settings import SandboxSettings
from sandbox.storage.joining_places import JoiningPlaceStore, Place
from sandbox.storage.tenants import TenantStore
from sandbox.tenants import made_up
from sandbox.tenants.one_by_one import one_by_one
from sandbox.tenants.openings import NAMES, Opened, Staff, ensure_staff, open_participant
from sandbox.tenants.records import Tenant, TenantState, digest_of, new_secret
from sandbox.tenants.snapshots import JOINED, Snapshots
from service.access import OperatorRole
from service.bootstrap import Services
from service.certificate_keys import ensure_certifiable
from service.certificate_requests import RequestInput
from service.certificates import Certificate, CertificateProfile
from service.errors import BadInput, RateLimited, ServiceError
from service.http.rate_limits import TokenBuckets
from service.operators import Operator
from service.personal_data import PersonalData
from service.pki.keys import ensure_key_allowed
from service.pki.parsing import parse_request
from service.refusals import Refused
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.database import Session
from service.storage.participants import ParticipantStore

DAY = timedelta(days=1)
PLACE_LIFE = timedelta(minutes=10)  # far longer than joining takes
ATTEMPTS_PER_MINUTE, ATTEMPTS_AT_ONCE = 60, 100  # from one address, whatever comes of them
_NOBODY = ""  # has no key
LONGEST_REQUEST = 8_192  # characters of a PKCS#10 request in PEM: RSA-4096 takes 1 700

PemRequest = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_REQUEST)]


class KeysInput(BaseModel):
    """The keys of one operator: requests in PEM, one key to log in with and, if wanted, another to seal with."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    role: OperatorRole
    login: PemRequest = Field(repr=False)
    seal: PemRequest | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _has_a_role_of_joining(self) -> "KeysInput":
        if self.role not in NAMES:
            raise ValueError(f"role is one of {', '.join(NAMES)}")
        return self

    @property
    def requests(self) -> dict[CertificateProfile, str]:
        seal = {CertificateProfile.SEAL: self.seal} if self.seal else {}
        return {CertificateProfile.LOGIN: self.login, **seal}


class JoinInput(BaseModel):
    """Who joins. Without a name or a code one is made up; the administrator's keys must be there."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str | None = Field(default=None, min_length=1, max_length=120)
    code: str | None = Field(default=None, min_length=3, max_length=8)
    operators: tuple[KeysInput, ...] = Field(min_length=1, max_length=len(NAMES))

    @model_validator(mode="after")
    def _names_each_role_once(self) -> "JoinInput":
        roles = [each.role for each in self.operators]
        if len(set(roles)) != len(roles) or OperatorRole.ADMINISTRATOR not in roles:
            raise ValueError("operators: the ADMINISTRATOR, and each other role at most once")
        return self


def parse_join(given: object) -> JoinInput:
    """Raises BadInput with the place and the reason of every fault; never with what was given, which may be a key."""
    try:
        return JoinInput.model_validate(given)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, each['loc'])) or 'the input'}: {each['msg']}" for each in error.errors()]
        raise BadInput("; ".join(faults)[:1_000], problems=faults[:20]) from None


@dataclass(frozen=True, slots=True)
class JoinedOperator:
    operator: Operator
    certificates: tuple[Certificate, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """What joining answers. The secret is shown this once."""

    tenant: Tenant
    uscc: str
    operators: tuple[JoinedOperator, ...]
    secret: str = field(repr=False)


class Joining:
    def __init__(
        self,
        services: Services,
        settings: SandboxSettings,
        snapshots: Snapshots,
        now: Callable[[], datetime],
    ) -> None:
        self._services = services
        self._settings = settings
        self._tenants = TenantStore(services.database)
        self._places = JoiningPlaceStore(services.database)
        self._participants = ParticipantStore(services.database)
        self._keys = CertificateKeyStore(services.database)
        self._snapshots = snapshots
        self._now = now
        self._digests = PersonalData(services.world, settings.data_key.get_secret_value())
        self._attempts = TokenBuckets(per_minute=ATTEMPTS_PER_MINUTE, burst=ATTEMPTS_AT_ONCE)

    async def join(self, given: JoinInput, address: str) -> Joined:
        """Everything in one go, or nothing. Raises RateLimited for too many attempts and beyond the quota,
        CertificateError and Refused for what is wrong.

        What was opened for who does not come in is removed, at once or, after a kill or an outage, by `clear_left`.
        """
        self._attempts.ensure_within(address)
        await self._ensure_keys_free(ensure_keys_good(given))
        now = self._now()
        digest = self._digests.keyed_digest(b"address\0" + address.encode())
        place = Place(made_up.new_uscc(), digest, now + PLACE_LIFE)
        await self._places.keep(place, now, partial(self._ensure_room, digest, now))
        try:
            return await self._join(given, place, now)
        except (Refused, ServiceError):
            await self._clear(place)
            raise
        except BaseException:  # cut off: what was sent last may yet be kept, so the place stays for `clear_left`
            await self._close(place)
            raise

    async def _join(self, given: JoinInput, place: Place, now: datetime) -> Joined:
        code = given.code or made_up.new_code()
        legal_name = given.name or made_up.new_legal_name(code)
        staff = await ensure_staff(self._services)
        opened = await open_participant(self._services, staff, code=code, legal_name=legal_name, uscc=place.uscc)
        operators = await self._certify(staff, opened, given)
        secret = new_secret()
        tenant = Tenant(
            id=opened.participant.id,
            version=1,
            code=opened.participant.participant_code,
            legal_name=opened.participant.legal_name,
            state=TenantState.ACTIVE,
            secret_digest=digest_of(secret),
            address=place.address,
            joined_at=now,
            last_used_at=now,
        )
        await self._snapshots.take(tenant.id, JOINED)  # what a reset returns to

        async def come_in(session: Session) -> None:
            await self._places.give_up(place, session)
            await self._tenants.insert(session, tenant)

        await self._services.database.transaction(come_in)
        return Joined(tenant, place.uscc, operators, secret)

    async def clear_left(self) -> int:
        """Clear the places of those who were cut off or killed while they joined; answers how many."""
        left = {each.uscc: each for each in await self._places.left_by(self._now())}

        async def clear(uscc: str) -> int:
            await self._clear(left[uscc])
            return 1

        return await one_by_one(left, clear, "clearing a place")

    async def _clear(self, place: Place) -> None:
        await self._close(place)
        await self._places.give_up(place)

    async def _close(self, place: Place) -> None:
        """Remove what was opened for who had the place, unless it has come in."""
        opened = await self._participants.find_holding(place.uscc)
        if opened is not None and await self._tenants.find(opened.id) is None:
            await self._snapshots.forget(opened.id)

    async def _ensure_keys_free(self, keys: Mapping[str, CertificateProfile]) -> None:
        """Raises Refused for a key that somebody has or that is blocked, as certifying it would."""
        for known in await self._keys.get_many(list(keys)):
            if known is not None:
                ensure_certifiable(known, _NOBODY, keys[known.id])

    async def _ensure_room(self, address: str, now: datetime, others: tuple[Place, ...]) -> None:
        """`others` are joining at this moment, and count as if they had."""
        coming = sum(each.address == address for each in others)
        if await self._tenants.count_joined(address, now - DAY) + coming >= self._settings.tenants_per_address:
            raise RateLimited(
                f"{self._settings.tenants_per_address} tenants joined from this address within a day: try tomorrow, or"
                " reset one of them.",
                retryAfter=3600,
            )
        if await self._tenants.count_standing() + len(others) >= self._settings.tenants:
            raise RateLimited("The sandbox is full; idle tenants end after 30 days.", retryAfter=3600)

    async def _certify(self, staff: Staff, opened: Opened, given: JoinInput) -> tuple[JoinedOperator, ...]:
        keys = {each.role: each for each in given.operators}
        joined = []
        for role, operator in opened.operators.items():
            requests = keys[role].requests if role in keys else {}
            certificates = [
                await issue_certificate(self._services, staff, RequestInput(profile, request, operator_id=operator.id))
                for profile, request in requests.items()
            ]
            joined.append(JoinedOperator(operator, tuple(certificates)))
        return tuple(joined)


def ensure_keys_good(given: JoinInput) -> dict[str, CertificateProfile]:
    """The keys, by digest, and what each is for. Raises CertificateError for a request that proves nothing or a key
    that is not allowed, BadInput for one key in two places."""
    seen: dict[str, CertificateProfile] = {}
    for operator in given.operators:
        for profile, request in operator.requests.items():
            key = parse_request(request.encode()).key
            ensure_key_allowed(key)
            if key.spki_sha256 in seen:
                raise BadInput(f"{operator.role} {profile}: each use of each operator has its own key.")
            seen[key.spki_sha256] = profile
    return seen
