"""Verdicts of cases that are under way: however many look at one, it is graded once in a while.

What a grading takes grows with what the client did. So a verdict is kept for several times as long as it took, for
every query, subscription and route, and a tenant's gradings follow one another.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from sandbox.conformance.grader import Verdict
from sandbox.conformance.runs import CaseRun, Run
from service.errors import Unavailable

REST = 9  # times as long as a grading took: looking at a case takes a tenth of the time, however often it is done
PATIENCE = 1.0  # seconds that one waits for such a rest
KEPT = 1_000  # of as many tenants

Grade = Callable[[Run, CaseRun, bool], Awaitable[Verdict]]
"""Is given the case of a run, and whether it has ended."""


class Version(NamedTuple):
    """What a verdict is of."""

    run: str
    case: str
    attempt: int
    declarations: int
    ended: bool


@dataclass(slots=True)
class _Look:
    """The last one at what a tenant has under way. `verdict` is None where it was broken off."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    version: Version | None = None
    verdict: Verdict | None = None
    begun: float = -math.inf
    rested: float = -math.inf  # when the next may begin


class Verdicts:
    def __init__(self, grade: Grade, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._grade = grade
        self._monotonic = monotonic
        self._looks: OrderedDict[str, _Look] = OrderedDict()  # by tenant, which has one case under way at most

    async def of(self, run: Run, case: CaseRun, *, ended: bool = False) -> Verdict:
        """As it was a short while ago; that of a case which has `ended` counts all that was before.

        Raises Unavailable for a while after a grading that was broken off and had taken long, and what grading does.
        """
        asked, look = self._monotonic(), self._look_of(run.tenant_id)
        version = Version(run.id, case.id, case.attempt, len(case.declarations), ended)
        async with look.lock:
            fresh = look.begun >= asked or (not ended and self._monotonic() < look.rested)
            if look.verdict is not None and look.version == version and fresh:
                return look.verdict
            return await self._make(look, version, run, case)

    async def _make(self, look: _Look, version: Version, run: Run, case: CaseRun) -> Verdict:
        if look.verdict is None:
            await self._rest(look)
        begun = self._monotonic()
        look.verdict, look.version, look.begun = None, version, begun
        try:
            look.verdict = await self._grade(run, case, version.ended)
        finally:
            ended = self._monotonic()
            look.rested = ended + REST * (ended - begun)
        return look.verdict

    async def _rest(self, look: _Look) -> None:
        wait = look.rested - self._monotonic()
        if wait > PATIENCE:
            said = "There is so much to grade in this case that it takes long: look later."
            raise Unavailable(said, retryAfter=math.ceil(wait))
        if wait > 0:
            await asyncio.sleep(wait)

    def forget(self, tenant_id: str) -> None:
        self._looks.pop(tenant_id, None)

    def _look_of(self, tenant_id: str) -> _Look:
        look = self._looks.setdefault(tenant_id, _Look())
        self._looks.move_to_end(tenant_id)
        if len(self._looks) > KEPT:
            self._looks.popitem(last=False)
        return look
