"""The application of a world as it is deployed: the GraphQL face over its services, and the other routes beside it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from schema.answers import Remarks, no_remarks
from schema.app import create_app
from schema.transport import Admitted, Authenticate, let_all_in
from service.access import Caller
from service.background import Jobs
from service.bootstrap import Services, open_services
from service.clock import Clock
from service.errors import Unavailable
from service.http.calendars import calendar_routes
from service.http.certificates import Answering, certificate_routes
from service.http.health import Check, health_routes
from service.http.log import log_routes
from service.http.rate_limits import TokenBuckets
from service.http.scenario_header import RefuseTestScenarios
from service.http.tokens import token_routes
from service.jobs import running_jobs
from service.records import Recorded, tell_nobody
from service.revocation_status import RevocationStatus
from service.settings import Settings
from service.sight import AS_IT_IS, Sight
from service.world import World

Alongside = Callable[[Services], AbstractAsyncContextManager[object]]

LOGINS_PER_MINUTE = 60  # attempts from one address
OCSP_PER_MINUTE, OCSP_BURST = 6_000, 1_000  # answers signed for one address, behind which there may be many machines
CALENDARS_PER_MINUTE, CALENDARS_BURST = 120, 60  # for one address: each is read every few minutes at most
LOG_PER_MINUTE, LOG_BURST = 6_000, 1_000  # tiles and checkpoints for one address: a monitor reads the whole log once
LONGEST_LAG = timedelta(minutes=1)  # of a record on its way into the log


@dataclass(frozen=True, slots=True)
class Staging:
    """By what outcomes are brought about on demand; nothing here does, but for what `scenarios` makes of a request."""

    scenarios: Middleware
    sight: Sight = AS_IT_IS
    recorded: Recorded = tell_nobody
    admitted: Admitted = let_all_in
    answer_ocsp: Answering = RevocationStatus.answer
    remarks: Remarks = no_remarks


class Host:
    """What the routes ask for at each request: services that open after the routes are laid."""

    def __init__(self) -> None:
        self.opened: Services | None = None

    @property
    def services(self) -> Services:
        if self.opened is None:
            raise Unavailable("The service is starting or stopping.", retryAfter=1)
        return self.opened


def hosted(
    world: World,
    settings: Settings,
    clock: Clock,
    *,
    routes: Sequence[BaseRoute] = (),
    alongside: Alongside = nullcontext,
    notice: Callable[[Caller], None] = lambda _: None,
    staging: Staging | None = None,
    middleware: Sequence[Middleware] = (),
    jobs: Jobs | None = None,
    **options: Any,
) -> Starlette:
    """`create_app` over the world's own services, with tokens, the log of records, health, and the jobs running.

    /readyz is green while the database answers, records reach the log and no job of `jobs` has ended: the service's
    own are begun here, others may be beside them. `alongside` is open as long as the services are, and stands on them;
    `notice` is told of every caller that comes in. Without `staging`, whoever names a test scenario is refused, and
    recorded.
    """
    host, all_jobs = Host(), jobs or Jobs()

    async def record_crossing(thing: str, address: str) -> None:
        await host.services.tokens.record_crossing(thing, address)

    staged = staging or Staging(Middleware(RefuseTestScenarios, world=world, record=record_crossing))
    checks: dict[str, Check] = {}

    @asynccontextmanager
    async def opened(settings: Settings, world: World, clock: Clock) -> AsyncIterator[Services]:
        async with (
            open_services(settings, world, clock, sight=staged.sight, recorded=staged.recorded) as services,
            running_jobs(services, all_jobs),
            alongside(services),
        ):
            host.opened = services
            checks.update(
                database=services.database.ready,
                log=lambda: ensure_log_keeps_up(services),
                jobs=all_jobs.ensure_running,
            )
            try:
                yield services
            finally:
                checks.clear()
                host.opened = None

    attempts = TokenBuckets(per_minute=LOGINS_PER_MINUTE, burst=LOGINS_PER_MINUTE)
    questions = TokenBuckets(per_minute=OCSP_PER_MINUTE, burst=OCSP_BURST)
    feeds = TokenBuckets(per_minute=CALENDARS_PER_MINUTE, burst=CALENDARS_BURST)
    readings = TokenBuckets(per_minute=LOG_PER_MINUTE, burst=LOG_BURST)
    own: list[BaseRoute] = [
        *token_routes(world, lambda: host.services.tokens, attempts, staged.remarks),
        *log_routes(world, lambda: host.services.keys, lambda: host.services.log, readings),
        *certificate_routes(lambda: host.services.revocation_status, staged.answer_ocsp, limiter=questions),
        *calendar_routes(lambda: host.services.calendars, feeds),
        *health_routes(world, checks),
    ]
    return create_app(
        world,
        settings,
        clock,
        opened,
        routes=[*routes, *own],
        middleware=[*middleware, staged.scenarios],
        authenticate=noticing(notice),
        admitted=staged.admitted,
        remarks=staged.remarks,
        **options,
    )


def noticing(notice: Callable[[Caller], None]) -> Authenticate:
    """`authenticate`, which tells of everyone it lets in."""

    async def admit(services: Services, token: str) -> Caller:
        caller = await authenticate(services, token)
        notice(caller)
        return caller

    return admit


async def authenticate(services: Services, token: str) -> Caller:
    """Who calls. Raises Unauthenticated or EnvironmentMismatch for a token that is not good here and now."""
    return await services.tokens.authenticate(token)


async def ensure_log_keeps_up(services: Services) -> None:
    """Raises Unavailable while a record waits for its place in the log longer than LONGEST_LAG."""
    waiting_since = await services.log.waiting_since()
    if waiting_since is not None and services.clock.now() - waiting_since > LONGEST_LAG:
        raise Unavailable(f"Records have waited for the log since {waiting_since.isoformat()}.")
