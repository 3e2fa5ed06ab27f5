"""What a tenant may do about its webhooks: register, rotate, switch, remove; fire an event; deliver one again.

Whatever belongs to another tenant is, for this one, not there.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sandbox.storage.deliveries import DeliveryStore
from sandbox.storage.webhooks import WebhookStore
from sandbox.webhooks.addresses import AddressBook
from sandbox.webhooks.deliveries import Delivery, DeliveryState, redelivered
from sandbox.webhooks.endpoints import (
    LONGEST_DESCRIPTION,
    MOST_ENDPOINTS,
    Endpoint,
    EndpointState,
    Secret,
    parse_topics,
    rotated,
    secret_place,
    secrets_at,
    switched_off,
    switched_on,
)
from sandbox.webhooks.event_flow import EventFlow, new_endpoint_id
from sandbox.webhooks.events import Event, find_type, fired_event, parse_content
from sandbox.webhooks.signatures import new_secret
from service.clock import Clock
from service.errors import BadInput
from service.personal_data import Datum, PersonalData, SealedText
from service.storage.log import LogStore
from service.world import World

OVERLAP = timedelta(hours=24)
MOST_DELIVERIES = 100  # of a look at the log
_NAME_SECONDS = 5.0
_FULL = f"A tenant has at most {MOST_ENDPOINTS} webhooks: remove one."
_NOT_THERE = "There is no such webhook of this tenant."


@dataclass(frozen=True, slots=True)
class Registered:
    """An endpoint with the secret it was just given, which is shown this once."""

    endpoint: Endpoint
    secret: str = field(repr=False)


class WebhookService:
    def __init__(
        self,
        world: World,
        clock: Clock,
        *,
        book: AddressBook,
        endpoints: WebhookStore,
        deliveries: DeliveryStore,
        flow: EventFlow,
        log: LogStore,
        personal_data: PersonalData,
    ) -> None:
        self._world = world
        self._clock = clock
        self._book = book
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._flow = flow
        self._log = log
        self._personal_data = personal_data

    async def register(
        self, tenant_id: str, url: str, *, topics: Sequence[str] = (), description: str = ""
    ) -> Registered:
        """Raises BadInput for an address to which nothing may be sent, and for too many endpoints.

        Its name is looked up last, and only for who has room: that is what takes time.
        """
        if len(description) > LONGEST_DESCRIPTION:
            raise BadInput(f"A description has at most {LONGEST_DESCRIPTION} characters.", field="description")
        wanted = parse_topics(tuple(topics))
        if not await self._endpoints.free_places(tenant_id, MOST_ENDPOINTS):
            raise BadInput(_FULL)
        await self._ensure_allowed(tenant_id, url)
        now, secret = self._clock.now(), new_secret()
        endpoint_id = new_endpoint_id(self._world, now)
        endpoint = Endpoint(
            id=endpoint_id,
            version=1,
            tenant_id=tenant_id,
            url=url,
            description=description,
            topics=wanted,
            state=EndpointState.ACTIVE,
            secrets=(Secret(self._sealed(secret, endpoint_id)),),
            created_at=now,
        )
        placed = await self._endpoints.insert_in_place(endpoint, MOST_ENDPOINTS)
        if placed is None:
            raise BadInput(_FULL)
        return Registered(placed, secret)

    async def rotate(self, tenant_id: str, endpoint_id: str, overlap: timedelta = OVERLAP) -> Registered:
        """A new secret; the one before signs beside it until the overlap ends. Raises BadInput."""
        secret = new_secret()
        sealed = self._sealed(secret, endpoint_id)
        changed = await self._change(
            tenant_id, endpoint_id, lambda found: rotated(found, sealed, overlap, self._clock.now())
        )
        return Registered(changed, secret)

    async def switch_on(self, tenant_id: str, endpoint_id: str) -> Endpoint:
        """Send again, what has waited first. Raises BadInput."""
        changed = await self._change(tenant_id, endpoint_id, switched_on)
        await self._deliveries.release(endpoint_id)
        return changed

    async def switch_off(self, tenant_id: str, endpoint_id: str) -> Endpoint:
        """Let events pass by. Raises BadInput."""
        return await self._change(tenant_id, endpoint_id, switched_off)

    async def remove(self, tenant_id: str, endpoint_id: str) -> None:
        """With its log. Raises BadInput."""
        endpoint = await self.get(tenant_id, endpoint_id)
        await self._endpoints.remove(endpoint.id)
        await self._deliveries.forget({"endpointId": endpoint.id})

    async def get(self, tenant_id: str, endpoint_id: str) -> Endpoint:
        """Raises BadInput for another's, as for none."""
        found = await self._endpoints.find(endpoint_id)
        if found is None or found.tenant_id != tenant_id:
            raise BadInput(_NOT_THERE, field="id")
        return found

    async def of_tenant(self, tenant_id: str) -> list[Endpoint]:
        return await self._endpoints.of_tenant(tenant_id)

    async def find_delivery(self, tenant_id: str, delivery_id: str) -> Delivery | None:
        found = await self._deliveries.find(delivery_id)
        return found if found and found.tenant_id == tenant_id else None

    async def deliveries(self, tenant_id: str, endpoint_id: str | None, limit: int) -> list[Delivery]:
        """The newest first, of one endpoint or all. Raises BadInput."""
        if not 1 <= limit <= MOST_DELIVERIES:
            raise BadInput(f"From 1 to {MOST_DELIVERIES} deliveries.", field="first")
        return await self._deliveries.latest_of(tenant_id, endpoint_id, limit)

    async def redeliver(self, tenant_id: str, delivery_id: str) -> Delivery:
        """The same id and the same bytes, under a new timestamp, at once. Raises BadInput."""
        delivery = await self.find_delivery(tenant_id, delivery_id)
        if delivery is None:
            raise BadInput("There is no such delivery of this tenant.", field="id")
        endpoint = await self.get(tenant_id, delivery.endpoint_id)
        if endpoint.state is not EndpointState.ACTIVE:
            raise BadInput("The webhook is paused or off: switch it on first.", field="id")
        if delivery.state is DeliveryState.HELD:
            delivery = replace(delivery, state=DeliveryState.PENDING)
        return await self._deliveries.replace(None, redelivered(delivery, self._clock.now()))

    async def fire(
        self, tenant_id: str, name: str, *, subject: str | None = None, content: str | None = None
    ) -> tuple[Event, list[Delivery]]:
        """Queue an event as if it had happened, for the tenant's own webhooks. Nothing else changes.

        Raises BadInput, EnvironmentMismatch.
        """
        event = fired_event(
            self._world,
            self._clock,
            find_type(name),
            tenant_id,
            await self._log.size(),
            subject=subject,
            content=parse_content(content),
        )
        return event, await self._flow.fire(event, tenant_id)

    async def secrets_of(self, tenant_id: str, url: str) -> list[str]:
        """The secrets in force of the tenant's endpoints at an address: for the built-in receiver, which is the one
        client that is at home here.
        """
        now = self._clock.now()
        found = [each for each in await self._endpoints.of_tenant(tenant_id) if each.url == url]
        return [
            self._personal_data.open(secret.sealed, secret_place(endpoint.id))
            for endpoint in found
            for secret in secrets_at(endpoint, now)
        ]

    async def forget(self, tenant_id: str) -> None:
        """All of it, for a tenant that ends."""
        await self._endpoints.forget(tenant_id)
        await self._deliveries.forget({"tenantId": tenant_id})

    async def _change(self, tenant_id: str, endpoint_id: str, change: Callable[[Endpoint], Endpoint]) -> Endpoint:
        changed = await self._endpoints.change(await self.get(tenant_id, endpoint_id), change)
        if changed is None:
            raise BadInput(_NOT_THERE, field="id")
        return changed

    async def _ensure_allowed(self, tenant_id: str, url: str) -> None:
        """A name that leads nowhere yet may be registered; one that leads astray may not."""
        target = self._book.ensure_allowed(url)
        try:
            async with asyncio.timeout(_NAME_SECONDS):
                await self._book.address_of(tenant_id, target)
        except OSError:  # also when it takes too long, or has no turn: each attempt looks anew
            return

    def _sealed(self, secret: str, endpoint_id: str) -> SealedText:
        return self._personal_data.seal(secret, Datum.SECRET, secret_place(endpoint_id))
