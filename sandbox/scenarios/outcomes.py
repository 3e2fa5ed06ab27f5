"""Outcomes on demand, brought about at the seams that the service offers: what scenarios and faults do to a request."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache

from sandbox.scenarios.asked import Asked, asked_now, go_on_as
from sandbox.scenarios.catalogue import Place, Turn
from sandbox.scenarios.faults import Faults, FaultTable
from sandbox.scenarios.holders import Holders
from sandbox.storage.arrivals import ArrivalStore
from sandbox.storage.outage import database_outage
from service.access import Caller
from service.consents import Consent
from service.errors import Unavailable
from service.http.rate_limits import TokenBuckets
from service.logins import Holder
from service.records import Record
from service.revocation_status import Admit, OcspAnswer, RevocationStatus
from service.sight import AS_IT_IS, Sight
from service.storage.agreements import AgreementHead
from service.storage.database import Session


class Outcomes:
    """`spent` are buckets of the places that have one, from which everything has been taken."""

    def __init__(
        self,
        faults: FaultTable,
        spent: Mapping[Place, TokenBuckets],
        arrivals: Callable[[], ArrivalStore],
        now: Callable[[], datetime],
    ) -> None:
        self._faults = faults
        self._spent = spent
        self._arrivals = arrivals
        self._now = now
        self._holders = Holders()
        self.sight = Sight(holder=self._holder, consents=_consents, heads=_heads, version=_version)

    async def admitted(self, caller: Caller) -> None:
        """Before anything of a GraphQL operation runs. Raises RateLimited or Unavailable where that was asked for."""
        asked = asked_now()
        if asked is None:
            return
        if asked.scenario is not None:
            await asyncio.sleep(asked.scenario.wait)
            self._take(asked.scenario.turn, asked.place)
            return
        asked = _of_this_operation(asked)
        faults = self._faults.of(caller.participant_id)
        if faults.latency_ms:
            asked.fault = "latency_ms"
            await asyncio.sleep(faults.latency_ms / 1000)
        if asked.line is not None and asked.line.breaks is None:
            asked.line.breaks = self._faults.happens(faults.dropped_sockets)
        if asked.line is not None and asked.line.breaks:
            asked.fault = "dropped_sockets"
        self._befall(asked, faults)

    async def answer_ocsp(self, status: RevocationStatus, request: bytes, admit: Admit) -> OcspAnswer:
        """As the responder does. Raises Unavailable where tryLater was asked for, and RateLimited as `admit` does."""
        asked, admit = asked_now(), cache(admit)  # once for both queries
        if asked is not None and asked.scenario is not None:
            self._take(asked.scenario.turn, asked.place)
        elif asked is not None and self._faults.happens(await self._share_of_holder(status, request, admit)):
            asked.fault = Turn.TRY_LATER.value
            self._take(Turn.TRY_LATER, asked.place)
        return await status.answer(request, admit)

    async def recorded(self, session: Session, record: Record) -> None:
        """With a record, how its event is to arrive, where that was asked for."""
        asked = asked_now()
        if asked is not None and asked.scenario is not None and asked.scenario.arrival is not None:
            await self._arrivals().ask(session, record.id, asked.scenario.arrival, self._now())

    async def _share_of_holder(self, status: RevocationStatus, request: bytes, admit: Admit) -> int:
        """How often the tenant whose certificate is asked about wants a tryLater. Raises what `admit` does."""
        if not self._faults.anybody_wants("ocsp_try_later"):
            return 0
        holder = await self._holders.of(status, request, admit)
        return self._faults.of(holder).ocsp_try_later if holder else 0

    def _holder(self, holder: Holder) -> Holder:
        """Whoever logs in or acts, as the scenario has it. At the token endpoint, the time for its faults too."""
        asked = asked_now()
        if asked is None:
            return holder
        if asked.scenario is not None:
            if asked.place is Place.TOKEN:
                self._take(asked.scenario.turn, asked.place)
            return asked.scenario.sight.holder(holder)
        if asked.place is Place.TOKEN:
            self._befall(asked, self._faults.of(holder.participant_id))
        return holder

    def _befall(self, asked: Asked, faults: Faults) -> None:
        chosen = self._faults.choose(rate_limited=faults.rate_limited, unavailable=faults.unavailable)
        if chosen is not None:
            asked.fault = chosen
            self._take(Turn(chosen), asked.place)

    def _take(self, turn: Turn | None, place: Place) -> None:
        """Raises what production would: from an empty bucket, or for a database that is not there."""
        match turn:
            case Turn.RATE_LIMITED if place in self._spent:
                self._spent[place].ensure_within(place)
            case Turn.UNAVAILABLE if place in self._spent:
                raise database_outage()
            case Turn.TRY_LATER if place is Place.OCSP:
                raise Unavailable("Asked for.")


def spent_buckets(*, per_minute: float, burst: int, place: Place) -> TokenBuckets:
    """With the figures of a real bucket, and nothing left for `place`: no time passes in it."""
    buckets = TokenBuckets(per_minute=per_minute, burst=burst, monotonic=lambda: 0.0)
    for _ in range(burst):
        buckets.ensure_within(place)
    return buckets


def _of_this_operation(asked: Asked) -> Asked:
    """On a WebSocket each operation has what befalls it for itself."""
    if asked.line is None:
        return asked
    own = dataclasses.replace(asked, fault=None)
    go_on_as(own)
    return own


def _sight() -> Sight:
    asked = asked_now()
    return asked.scenario.sight if asked and asked.scenario else AS_IT_IS


def _consents(consents: Sequence[Consent], participant_id: str) -> Sequence[Consent]:
    return _sight().consents(consents, participant_id)


def _heads(heads: Sequence[AgreementHead]) -> Sequence[AgreementHead]:
    return _sight().heads(heads)


def _version(found: int) -> int:
    return _sight().version(found)
