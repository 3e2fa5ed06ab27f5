"""The composition root: the one place that chooses implementations and wires them together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.agreements import AgreementService
from service.clock import Clock
from service.http.metrics import Meter
from service.settings import Settings
from service.storage.agreements import AgreementStore
from service.storage.commands import CommandLatency
from service.storage.database import Database, Names, open_database
from service.world import World


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a request may ask for: one service object a noun, all of one world."""

    world: World
    settings: Settings
    clock: Clock
    database: Database
    agreements: AgreementService


def services_over(database: Database, settings: Settings, clock: Clock) -> Services:
    """The services of the database's world, wired."""
    return Services(
        world=database.world,
        settings=settings,
        clock=clock,
        database=database,
        agreements=AgreementService(database.world, clock, AgreementStore(database)),
    )


def names_in(settings: Settings) -> Names:
    """The databases that these settings name."""
    return Names(settings.database, settings.evidence_database)


@asynccontextmanager
async def open_services(settings: Settings, world: World, clock: Clock) -> AsyncIterator[Services]:
    """The services of a world over its database. Raises what `open_database` raises: an absent or foreign stamp."""
    async with open_database(
        settings.mongo_uri.get_secret_value(),
        world,
        names_in(settings),
        server_selection_ms=settings.server_selection_ms,
        listeners=[CommandLatency(Meter(world).command)],
    ) as database:
        yield services_over(database, settings, clock)
