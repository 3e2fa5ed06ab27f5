"""Scenarios, which a request asks for by a header, and faults, which a tenant sets for all it does."""

from dataclasses import asdict
from typing import Self

import strawberry

from sandbox.control.requests import Info, own_tenant, sandbox_of
from sandbox.scenarios import catalogue as scenarios
from sandbox.scenarios import faults as records
from schema.cost import ListSize

strawberry.enum(scenarios.Place, name="ScenarioPlace")


@strawberry.type(description="An outcome on demand: send its name as X-PROP-Test-Scenario.")
class Scenario:
    name: str
    shows: str
    shows_zh: str
    places: list[scenarios.Place] = strawberry.field(
        description="Where it shows; elsewhere it changes nothing.", directives=[ListSize(assumed_size=4)]
    )
    answer: str = strawberry.field(description="The code that the answer carries, or what is seen instead.")
    article: int | None = strawberry.field(description="What asks for it.")

    @classmethod
    def of(cls, scenario: scenarios.Scenario) -> Self:
        return cls(
            name=scenario.name,
            shows=scenario.shows,
            shows_zh=scenario.shows_zh,
            places=list(scenario.places),
            answer=scenario.answer,
            article=scenario.article,
        )


@strawberry.type(description="What goes wrong for the tenant, because it asked. In percent, but for the latency.")
class Faults:
    latency_ms: int = strawberry.field(description="Before each answer of /graphql.")
    rate_limited: int = strawberry.field(description="Requests answered 429.")
    unavailable: int = strawberry.field(description="Requests answered 503.")
    dropped_sockets: int = strawberry.field(description="WebSockets that break after their first answer.")
    duplicate_events: int = strawberry.field(description="Events delivered twice.")
    late_events: int = strawberry.field(description="Events delivered 20 seconds late.")
    ocsp_try_later: int = strawberry.field(description="OCSP answers that are tryLater.")

    @classmethod
    def of(cls, faults: records.Faults) -> Self:
        return cls(**asdict(faults))


@strawberry.input(description="What is left out is 0.")
class FaultsInput:
    latency_ms: int | None = None
    rate_limited: int | None = None
    unavailable: int | None = None
    dropped_sockets: int | None = None
    duplicate_events: int | None = None
    late_events: int | None = None
    ocsp_try_later: int | None = None


@strawberry.type
class ScenarioQuery:
    @strawberry.field(directives=[ListSize(assumed_size=25)])
    def scenarios(self) -> list[Scenario]:
        return [Scenario.of(each) for each in scenarios.SCENARIOS.values()]

    @strawberry.field(description="Those of the tenant whose secret the request bears.")
    async def faults(self, info: Info) -> Faults:
        return Faults.of(sandbox_of(info).faults.of((await own_tenant(info)).id))


@strawberry.type
class FaultMutation:
    @strawberry.mutation(description="Let these things go wrong for the tenant from now on, in place of what was set.")
    async def set_faults(self, info: Info, input: FaultsInput) -> Faults:  # noqa: A002 - GraphQL's name for it
        tenant = await own_tenant(info)
        return Faults.of(await sandbox_of(info).fault_keeping.set(tenant.id, records.parse_faults(vars(input))))

    @strawberry.mutation(
        description="Back to what all tenants have that set nothing: no faults, unless said otherwise."
    )
    async def clear_faults(self, info: Info) -> Faults:
        return Faults.of(await sandbox_of(info).fault_keeping.clear((await own_tenant(info)).id))
