"""`/healthz`: the process runs. `/readyz`: it can serve, that is, everything it stands on answers in time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from service.errors import ServiceError
from service.world import World

Check = Callable[[], Awaitable[object]]

TIMEOUT_SECONDS = 1.0
FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """What each check said: "ok", or in a few words why not."""

    checks: Mapping[str, str]

    @property
    def ready(self) -> bool:
        """Where nothing was checked, nothing is known to work."""
        return bool(self.checks) and all(said == "ok" for said in self.checks.values())


class Readiness:
    """Asks the checks, all at once, at most once in `fresh` seconds whoever and how many ask, each within `timeout`.

    `checks` may be filled after this is made: the application starts before what it stands on is open.
    """

    def __init__(
        self, checks: Mapping[str, Check], *, timeout: float = TIMEOUT_SECONDS, fresh: float = FRESH_SECONDS
    ) -> None:
        self._checks = checks
        self._timeout = timeout
        self._fresh = fresh
        self._asked_at = 0.0
        self._asking: asyncio.Task[Report] | None = None

    async def report(self) -> Report:
        now = time.monotonic()
        if self._asking is None or (self._asking.done() and now - self._asked_at >= self._fresh):
            self._asked_at = now
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Report:
        names = list(self._checks)
        said = await asyncio.gather(*(self._said(self._checks[name]) for name in names))
        return Report(dict(zip(names, said, strict=True)))

    async def _said(self, check: Check) -> str:
        # A check that does not even hear its cancellation must not hold up the answer: it is left to itself.
        task = asyncio.ensure_future(check())
        done, _ = await asyncio.wait({task}, timeout=self._timeout)
        if not done:
            task.cancel()
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            return f"no answer in {self._timeout:g} s"
        error = task.exception() if not task.cancelled() else asyncio.CancelledError()
        if error is None:
            return "ok"
        return error.message if isinstance(error, ServiceError) else "failed"


def health_routes(world: World, checks: Mapping[str, Check]) -> list[Route]:
    """The two routes. Their answers name the checks and hold no text but our own: anybody may ask."""
    readiness = Readiness(checks)
    marks = {"environment": world.environment.value, "binding": world.binding}
    headers = {"Cache-Control": "no-store"}

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "alive", **marks}, headers=headers)

    async def readyz(_: Request) -> JSONResponse:
        report = await readiness.report()
        status = "ready" if report.ready else "not ready"
        body = {"status": status, "checks": dict(report.checks), **marks}
        return JSONResponse(body, 200 if report.ready else 503, headers=headers)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
