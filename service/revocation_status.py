"""What machines are told of certificates: the revocation list and OCSP answers, at most a second behind the records.

Every process follows the sequence of revocations. The first to see that the newest list is behind, or half through its
life, makes the next one; all others load it. Whoever makes it does so on the signing thread: requests do not wait.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from service.authority import Authority
from service.certificates import Certificate, CertificateState
from service.clock import Clock
from service.errors import Unavailable
from service.listed_entries import ListedEntries
from service.pki.ocsp import Good, OcspRefused, Question, Responder, Revoked, Status, Unknown, parse_ocsp_request
from service.pki.parsing import format_serial
from service.pki.revocation_lists import build_revocation_list
from service.storage.certificates import CertificateStore
from service.storage.errors import as_service_error
from service.storage.revocations import ListState, RevocationStore, revocation_of

FOLLOW_SECONDS = 0.25
RETRY_SECONDS = 1.0
KEPT_ANSWERS = 20_000
KEPT_UNKNOWN = 1_000  # apart: whoever asks about made-up serial numbers is not to push out the answers about real ones
UNKNOWN_LIFE = timedelta(seconds=1)  # how late it may be told that a certificate has been issued
MOST_SIGNING = 100  # answers on their way at a time: certificates and lists wait behind them for the same key

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list as it is served (DER). `sequence` is how far in the revocations it reaches."""

    number: int
    sequence: int
    this_update: datetime
    next_update: datetime
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OcspAnswer:
    """An answer (DER). `shareable`: it holds no nonce, and answers whoever asks the same."""

    data: bytes = field(repr=False)
    shareable: bool


Admit = Callable[[], None]
"""Asked before an answer that costs a query and a signature. May raise RateLimited."""


def admit_all() -> None:
    """Where nobody counts."""


class _Answers:
    """Answers (DER) that were given, each as long as it is fresh; of more than `most`, the oldest goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[object, ...], tuple[bytes, datetime]] = OrderedDict()

    def find(self, key: tuple[object, ...], now: datetime) -> bytes | None:
        data, fresh_until = self._kept.get(key, (None, now))
        return data if now < fresh_until else None

    def keep(self, key: tuple[object, ...], data: bytes, fresh_until: datetime) -> None:
        self._kept[key] = (data, fresh_until)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self, key: tuple[object, ...]) -> None:
        self._kept.pop(key, None)


class RevocationStatus:
    def __init__(
        self,
        clock: Clock,
        authority: Authority,
        *,
        certificates: CertificateStore,
        revocations: RevocationStore,
        list_life: timedelta,
        ocsp_life: timedelta,
        most_signing: int = MOST_SIGNING,
    ) -> None:
        self.authority = authority
        self._clock = clock
        self._certificates = certificates
        self._revocations = revocations
        self._list_life = list_life
        self._ocsp_life = ocsp_life
        self._responder = Responder(authority.issuing.certificate, authority.issuing.key)
        self._entries = ListedEntries()
        self._sequence = 0
        self._list: RevocationList | None = None
        self._answers, self._unknown = _Answers(KEPT_ANSWERS), _Answers(KEPT_UNKNOWN)
        self._most_signing = most_signing
        self._signing = 0

    @property
    def current(self) -> RevocationList:
        """The newest list that this process has. Raises Unavailable before there is one."""
        if self._list is None:
            raise Unavailable("The first revocation list is being made.", retryAfter=1)
        return self._list

    async def run(self) -> None:
        """Follow the revocations for ever. An outage of the database is waited out."""
        while True:
            try:
                await self.follow()
                await asyncio.sleep(FOLLOW_SECONDS)
            except Exception as error:
                if as_service_error(error) is None and not isinstance(error, Unavailable):
                    _logger.exception("the revocation list fell behind, and is tried again")
                await asyncio.sleep(RETRY_SECONDS)

    async def follow(self) -> None:
        """Read what was revoked or released since the last look; make the next list if it is due; load the newest."""
        issuer = self.authority.issuer
        state = await self._revocations.find_state(issuer)
        if state is None:
            await self._revocations.found(issuer)
            state = await self._revocations.find_state(issuer)
            assert state is not None  # noqa: S101 - it has just been made
        if state.sequence > self._sequence:
            await self._read_on()
        if self._is_due(state) and await self._make(state):
            return
        if self._list is None or self._list.number < state.number:
            await self._load(state)

    async def _read_on(self) -> None:
        async for batch in self._revocations.since(self.authority.issuer, self._sequence):
            for serial, entry, not_after, _ in batch:
                if entry is None:
                    self._entries.drop(serial)
                else:
                    self._entries.put(serial, entry, not_after)
                self._forget(serial)
            self._sequence = batch[-1].sequence
            await asyncio.sleep(0)  # a long read is not to hold up requests

    def _is_due(self, state: ListState) -> bool:
        if state.number == 0 or state.this_update is None or self._sequence > state.built_sequence:
            return True
        return self._clock.now() >= state.this_update + self._list_life / 2

    async def _make(self, state: ListState) -> bool:
        """Sign and publish the list that follows on `state`; False if another process was faster."""
        at, sequence, number = self._clock.now().replace(microsecond=0), self._sequence, state.number + 1
        next_update = at + self._list_life
        listed = self._entries.joined(at)
        data = await self.authority.on_signing_thread(
            lambda: build_revocation_list(
                self.authority.issuing.certificate,
                self.authority.issuing.key,
                listed,
                number=number,
                at=at,
                next_update=next_update,
            )
        )
        issuer = self.authority.issuer
        if not await self._revocations.publish(issuer, state, data, sequence, at, next_update):
            return False
        self._list = RevocationList(number, sequence, at, next_update, data)
        return True

    async def _load(self, state: ListState) -> None:
        data = await self._revocations.find_list(self.authority.issuer, state)
        if data is not None and state.this_update is not None and state.next_update is not None:
            self._list = RevocationList(state.number, state.built_sequence, state.this_update, state.next_update, data)

    async def answer(self, request: bytes, admit: Admit = admit_all) -> OcspAnswer:
        """The OCSP answer to a request (DER), whatever its bytes. Without a nonce it is kept until it changes.

        Raises what `admit` does, and Unavailable while too many are being signed.
        """
        try:
            question = parse_ocsp_request(request)
            self._responder.ensure_ours(question)
        except OcspRefused as refused:
            return OcspAnswer(refused.answer, shareable=False)
        now = self._clock.now()
        key = (format_serial(question.serial), question.issuer_id)
        data = self._answers.find(key, now) or self._unknown.find(key, now)
        if question.nonce is None and data is not None:
            return OcspAnswer(data, shareable=True)
        admit()
        if self._signing >= self._most_signing:
            raise Unavailable("Too many answers are being signed.", retryAfter=1)
        self._signing += 1
        try:
            return await self._sign(question, key, now)
        finally:
            self._signing -= 1

    async def _sign(self, question: Question, key: tuple[object, ...], now: datetime) -> OcspAnswer:
        seen = self._sequence
        certificate = await self.find_certificate(format_serial(question.serial))
        status, until = status_of(certificate), now + self._ocsp_life
        data = await self.authority.on_signing_thread(
            lambda: self._responder.answer(question, status, at=now, next_update=until)
        )
        if question.nonce is None and isinstance(status, Unknown):
            self._unknown.keep(key, data, now + UNKNOWN_LIFE)
        elif question.nonce is None and seen == self._sequence:
            self._answers.keep(key, data, now + self._ocsp_life / 2)
        return OcspAnswer(data, shareable=question.nonce is None)

    async def find_certificate(self, serial: str) -> Certificate | None:
        """The one that an answer about this serial number is about."""
        return await self._certificates.find_own(self.authority.issuer, serial)

    def _forget(self, serial: str) -> None:
        for issuer_id in self._responder.issuer_ids:
            self._answers.forget((serial, issuer_id))
            self._unknown.forget((serial, issuer_id))


def status_of(certificate: Certificate | None) -> Status:
    """What is told of a certificate: expired ones stay good, as RFC 6960 (2.2) has it."""
    if certificate is None or certificate.state is CertificateState.REQUESTED or certificate.fingerprint is None:
        return Unknown()
    revocation = revocation_of(certificate)
    return Revoked(revocation.revoked_at, revocation.reason) if revocation else Good()
