"""The composition root of what the sandbox adds: tenants, their clocks, jobs and snapshots, over the service's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sandbox.clock import TenantClock
from sandbox.conformance.suite import Conformance, conformance_over
from sandbox.inspector.exchange_log import ExchangeLog, writing_exchanges
from sandbox.inspector.explaining import Explaining
from sandbox.inspector.replaying import Replaying
from sandbox.personas.resets import PersonaResets
from sandbox.scenarios.catalogue import Place
from sandbox.scenarios.fault_keeping import FaultKeeping
from sandbox.scenarios.faults import FaultTable, everywhere
from sandbox.scenarios.outcomes import Outcomes, spent_buckets
from sandbox.settings import SandboxSettings
from sandbox.storage.arrivals import ArrivalStore
from sandbox.storage.clocks import ClockStore
from sandbox.storage.exchanges import ExchangeStore
from sandbox.storage.faults import FaultStore
from sandbox.storage.snapshots import SnapshotStore
from sandbox.storage.tenant_jobs import TenantJobStore
from sandbox.storage.tenants import TenantStore
from sandbox.tenants.clock_moves import ClockMoves
from sandbox.tenants.due_work import due_works
from sandbox.tenants.happenings import Happenings
from sandbox.tenants.job_runner import JobRunner
from sandbox.tenants.jobs import JobKind
from sandbox.tenants.joining import Joining
from sandbox.tenants.keeping import Idleness, Uses, keeping
from sandbox.tenants.records import Tenant, digest_of, ensure_usable
from sandbox.tenants.snapshots import Snapshots
from sandbox.webhooks.bootstrap import Webhooks, webhooks_over
from schema.hosting import LOGINS_PER_MINUTE
from schema.transport import Face
from service.access import Caller
from service.background import Jobs
from service.bootstrap import Services
from service.errors import Unavailable
from service.http.marks import ASGIApp, Receive, Scope, Send
from service.records import RecordService
from service.storage.database import Database
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore
from service.world import World


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What requests to /sandbox may ask for."""

    services: Services
    settings: SandboxSettings
    clock: TenantClock
    tenants: TenantStore
    joining: Joining
    moves: ClockMoves
    snapshots: Snapshots
    jobs: JobRunner
    kept_jobs: TenantJobStore
    uses: Uses
    idleness: Idleness
    faults: FaultTable
    fault_keeping: FaultKeeping
    webhooks: Webhooks
    exchanges: ExchangeLog
    conformance: Conformance
    explaining: Explaining
    replaying: Replaying
    persona_resets: PersonaResets
    happenings: Happenings

    @property
    def world(self) -> World:
        return self.services.world

    @property
    def database(self) -> Database:
        return self.services.database

    @property
    def records(self) -> RecordService:
        """Where the transport notes what was brought here of the other world."""
        return self.services.records

    async def tenant_of(self, secret: str) -> Tenant:
        """Raises Unauthenticated."""
        return ensure_usable(await self.tenants.find_by_secret(digest_of(secret)))


def sandbox_over(
    services: Services, settings: SandboxSettings, clock: TenantClock, faults: FaultTable, application: ASGIApp
) -> Sandbox:
    """`application` is the whole of what is served, for what is run again."""
    tenants = TenantStore(services.database)
    kept_jobs = TenantJobStore(services.database)
    moves = ClockMoves(clock, ClockStore(services.database), tenants, due_works(services))
    fault_keeping = FaultKeeping(faults, FaultStore(services.database), clock.now)
    webhooks = webhooks_over(services, settings, faults)
    operators, participants = OperatorStore(services.database), ParticipantStore(services.database)
    exchanges = ExchangeLog(ExchangeStore(services.database), tenants, operators)
    conformance = conformance_over(services, clock, exchanges, fault_keeping)
    snapshots = Snapshots(services, SnapshotStore(services.database), tenants, moves)
    works = {
        JobKind.MOVE_CLOCK: moves.move,
        JobKind.SNAPSHOT: snapshots.take_job,
        JobKind.RESTORE: snapshots.restore_job,
        JobKind.RESET: snapshots.restore_job,
    }
    return Sandbox(
        services=services,
        settings=settings,
        clock=clock,
        tenants=tenants,
        joining=Joining(services, settings, snapshots, clock.now),
        moves=moves,
        snapshots=snapshots,
        jobs=JobRunner(kept_jobs, works, clock.now),
        kept_jobs=kept_jobs,
        uses=Uses(tenants, clock),
        idleness=Idleness(tenants, (snapshots, moves, fault_keeping, webhooks, exchanges, conformance), clock),
        faults=faults,
        fault_keeping=fault_keeping,
        webhooks=webhooks,
        exchanges=exchanges,
        conformance=conformance,
        explaining=Explaining(services.agreements, operators, participants),
        replaying=Replaying(application, services.keys, exchanges, clock),
        persona_resets=PersonaResets(services, settings.data_dir),
        happenings=Happenings(services, clock),
    )


class Ground:
    """Where the routes find the sandbox, which opens after they are laid."""

    def __init__(self, settings: SandboxSettings, clock: TenantClock) -> None:
        self.settings = settings
        self.clock = clock
        self.jobs = Jobs()  # of this process, the service's own among them
        self.faults = FaultTable(clock.now, everywhere(settings.fault_share), settings.fault_seed)
        self.outcomes = Outcomes(
            self.faults,
            {
                Place.GRAPHQL: spent_buckets(
                    per_minute=settings.rate_per_minute, burst=settings.rate_burst, place=Place.GRAPHQL
                ),
                Place.TOKEN: spent_buckets(per_minute=LOGINS_PER_MINUTE, burst=LOGINS_PER_MINUTE, place=Place.TOKEN),
            },
            lambda: ArrivalStore(self.sandbox.database),
            clock.now,
        )
        self.faces: list[Face] = []  # of GraphQL endpoints that stand on the sandbox
        self.application: ASGIApp | None = None  # the whole of what is served, once it is made
        self._opened: Sandbox | None = None

    @property
    def sandbox(self) -> Sandbox:
        """Raises Unavailable before and after."""
        if self._opened is None:
            raise Unavailable("The sandbox is starting or stopping.", retryAfter=1)
        return self._opened

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as the whole application does. Raises Unavailable before it is made."""
        if self.application is None:
            raise Unavailable("The sandbox is starting.", retryAfter=1)
        await self.application(scope, receive, send)

    def notice(self, caller: Caller) -> None:
        """A participant's request came in: its tenant, if it is one's, is in use."""
        if self._opened is not None:
            self._opened.uses.note(caller.participant_id)

    @asynccontextmanager
    async def open(self, services: Services) -> AsyncIterator[None]:
        sandbox = self._opened = sandbox_over(services, self.settings, self.clock, self.faults, self.serve)
        try:
            async with (
                keeping(
                    self.jobs,
                    moves=sandbox.moves,
                    runner=sandbox.jobs,
                    uses=sandbox.uses,
                    idleness=sandbox.idleness,
                    faults=sandbox.fault_keeping,
                    joining=sandbox.joining,
                ),
                sandbox.webhooks.running(self.jobs),
                writing_exchanges(self.jobs, sandbox.exchanges),
            ):
                for face in self.faces:
                    face.services = sandbox
                yield
        finally:
            self._opened = None
            for face in self.faces:
                face.drained.set()
                face.services = None
            await sandbox.persona_resets.aclose()
