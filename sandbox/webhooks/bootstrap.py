"""The composition root of events and webhooks, and what runs of them besides answering: one process leads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.scenarios.faults import FaultTable
from sandbox.settings import SandboxSettings
from sandbox.storage.arrivals import ArrivalStore
from sandbox.storage.deliveries import DeliveryStore
from sandbox.storage.event_cursors import EventCursorStore
from sandbox.storage.receivers import ReceivedStore, ReceiverStore
from sandbox.storage.webhooks import WebhookStore
from sandbox.webhooks.addresses import AddressBook
from sandbox.webhooks.dispatch import Dispatch
from sandbox.webhooks.event_flow import EventFlow
from sandbox.webhooks.receivers import receiver_pattern, receiver_url
from sandbox.webhooks.resolving import Resolver
from sandbox.webhooks.sending import Sender
from sandbox.webhooks.service import WebhookService
from service.background import Jobs, repeat, tell_failure
from service.bootstrap import Services
from service.jobs import LEAD_SECONDS
from service.leading import Leading
from service.personal_data import PersonalData
from service.storage.leases import LeaseStore
from service.storage.log import LogStore
from service.storage.records import RecordStore

LOOK_SECONDS = 0.5  # how late an event may leave
RELEASE_SECONDS = 15.0
_MONGO_PORT = 27017
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listened on everywhere, reached at this machine


@dataclass(frozen=True, slots=True)
class Webhooks:
    """All that belongs to events, as one part of the sandbox."""

    service: WebhookService
    flow: EventFlow
    dispatch: Dispatch
    receivers: ReceiverStore
    received: ReceivedStore
    personal_data: PersonalData
    public_url: str
    leading: Leading

    def receiver_url(self, tenant_id: str) -> str:
        return receiver_url(self.public_url, tenant_id, self.personal_data)

    async def forget(self, tenant_id: str) -> None:
        """What a tenant had of it, for one that ends."""
        await self.service.forget(tenant_id)
        await self.receivers.forget(tenant_id)
        await self.received.forget(tenant_id)

    @asynccontextmanager
    async def running(self, jobs: Jobs) -> AsyncIterator[None]:
        """Follow the log and send, for as long as the context is open and this process leads."""
        works = {
            "webhooks": repeat(lambda: self.leading.run(self._look, LOOK_SECONDS), LEAD_SECONDS),
            "held webhooks": repeat(self.dispatch.release, RELEASE_SECONDS),
        }
        try:
            async with jobs.running(works):
                yield
        finally:
            await self.dispatch.aclose()

    async def _look(self) -> None:
        """What goes wrong here is tried again: nothing is lost by it, and the next look may find it right."""
        for work in (self.flow.follow, self.dispatch.look):
            try:
                await work()
            except Exception as error:
                tell_failure(error)


def webhooks_over(services: Services, settings: SandboxSettings, faults: FaultTable) -> Webhooks:
    database, clock = services.database, services.clock
    endpoints, deliveries, log = WebhookStore(database), DeliveryStore(database), LogStore(database)
    personal_data = PersonalData(services.world, settings.data_key.get_secret_value())
    book = address_book(settings)
    flow = EventFlow(
        services.world,
        clock.now,
        log=log,
        records=RecordStore(database),
        cursors=EventCursorStore(database),
        endpoints=endpoints,
        deliveries=deliveries,
        faults=faults,
        arrivals=ArrivalStore(database),
    )
    return Webhooks(
        service=WebhookService(
            services.world,
            clock,
            book=book,
            endpoints=endpoints,
            deliveries=deliveries,
            flow=flow,
            log=log,
            personal_data=personal_data,
        ),
        flow=flow,
        dispatch=Dispatch(endpoints, deliveries, Sender(book), personal_data, clock.now),
        receivers=ReceiverStore(database),
        received=ReceivedStore(database),
        personal_data=personal_data,
        public_url=settings.public_url,
        leading=Leading(LeaseStore(database), "webhooks"),
    )


def address_book(settings: SandboxSettings) -> AddressBook:
    """Where this sandbox sends webhooks, and where never: its own ports and its database's."""
    public = urlsplit(settings.public_url)
    served = public.port or (443 if public.scheme == "https" else 80)
    return AddressBook(
        settings.reach,
        receiver_pattern(settings.public_url),
        Resolver().resolve,
        listener=(_EVERYWHERE.get(settings.host, settings.host), settings.port or served),
        own_host=public.hostname or "",
        own_ports=frozenset({served, settings.port, settings.metrics_port, *_database_ports(settings)} - {0}),
    )


def _database_ports(settings: SandboxSettings) -> set[int]:
    """Those in the database's address, which may name several servers."""
    hosts = urlsplit(settings.mongo_uri.get_secret_value()).netloc.rpartition("@")[2]
    found = {each.rpartition(":")[2] for each in hosts.split(",")}
    return {int(each) for each in found if each.isdecimal()} | {_MONGO_PORT}
