"""The sandbox, as `prop-sandbox serve` names it to the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware

from sandbox.bootstrap import Ground
from sandbox.clock import TenantClock
from sandbox.conformance.routes import conformance_routes
from sandbox.console.routes import console_routes
from sandbox.control_routes import control_routes
from sandbox.inspector.inspecting import Inspecting
from sandbox.personas.credentials import Credentials, personas_directory
from sandbox.personas.keeping import keeping_personas
from sandbox.personas.routes import PERSONAS_URL, persona_routes
from sandbox.scenarios.asked import remarks
from sandbox.scenarios.asking import AskedOutcomes
from sandbox.scenarios.routes import scenario_routes
from sandbox.settings import SandboxSettings
from sandbox.tenants.join_routes import join_routes
from sandbox.webhooks.payload_schema import payload_schema_routes
from sandbox.webhooks.receiver_routes import receiver_routes
from sandbox.world import SANDBOX
from schema.hosting import Staging, hosted
from service.bootstrap import Services


def staging_of(ground: Ground) -> Staging:
    """Outcomes on demand, at every place where the service lets them be brought about."""
    outcomes = ground.outcomes
    return Staging(
        Middleware(AskedOutcomes, world=SANDBOX),
        sight=outcomes.sight,
        recorded=outcomes.recorded,
        admitted=outcomes.admitted,
        answer_ocsp=outcomes.answer_ocsp,
        remarks=remarks,
    )


def application(settings: SandboxSettings) -> Starlette:
    clock = TenantClock()
    ground = Ground(settings, clock)
    routes = [
        *console_routes(SANDBOX),
        *persona_routes(
            SANDBOX,
            Credentials(personas_directory(settings.data_dir)),
            settings.public_url,
            registrars=settings.hands_out_registrars,
        ),
        *scenario_routes(SANDBOX),
        *join_routes(SANDBOX, ground),
        *control_routes(SANDBOX, ground),
        *conformance_routes(SANDBOX, ground),
        *receiver_routes(ground),
        *payload_schema_routes(),
    ]

    @asynccontextmanager
    async def alongside(services: Services) -> AsyncIterator[None]:
        async with ground.open(services), keeping_personas(ground.jobs, services, settings.data_dir):
            yield

    app = hosted(
        SANDBOX,
        settings,
        clock,
        routes=routes,
        personas_url=PERSONAS_URL,
        alongside=alongside,
        notice=ground.notice,
        staging=staging_of(ground),
        middleware=[Middleware(Inspecting, ground=ground)],
        jobs=ground.jobs,
    )
    app.state.ground, ground.application = ground, app
    return app
