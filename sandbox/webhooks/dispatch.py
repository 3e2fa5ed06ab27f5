"""Sending what is due: to each endpoint one message at a time, in order; to many endpoints at once, few of one tenant.

A message that fails steps aside until its next attempt, and those behind it go on: order is kept where nothing fails.
"""

import asyncio
import itertools
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from sandbox.storage.deliveries import KEPT_ENDED, DeliveryStore
from sandbox.storage.webhooks import WebhookStore
from sandbox.webhooks.deliveries import (
    GONE,
    LONGEST_HEAD,
    Attempt,
    Delivery,
    DeliveryState,
    attempted,
    parse_wish,
    put_off,
)
from sandbox.webhooks.endpoints import Endpoint, EndpointState, failed, secret_place, secrets_at, succeeded
from sandbox.webhooks.sending import Sender, Sent
from sandbox.webhooks.signatures import signed_headers
from service.errors import ServiceError
from service.personal_data import PersonalData, Sealed
from service.refusals import Refused
from service.storage.errors import as_service_error

LANES = 32  # endpoints to which something is on its way at a time
LANES_OF_A_TENANT = 3
IN_A_ROW = 20  # messages to one endpoint before the others have their turn
TRIMMED_EVERY = 100  # deliveries to an endpoint that are over
_AT_A_TIME = 128  # endpoints that are looked at

logger = logging.getLogger(__name__)


class Dispatch:
    """Begins a lane for each endpoint that something is due to. `chance` spreads the attempts after failures."""

    def __init__(
        self,
        endpoints: WebhookStore,
        deliveries: DeliveryStore,
        sender: Sender,
        personal_data: PersonalData,
        now: Callable[[], datetime],
        *,
        chance: Callable[[], float] = random.random,
        lanes: int = LANES,
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._sender = sender
        self._personal_data = personal_data
        self._now = now
        self._chance = chance
        self._most = lanes
        self._lanes: dict[str, tuple[str, asyncio.Task[None]]] = {}  # by endpoint: of which tenant
        self._turns: dict[str, int] = {}  # by endpoint: its place in the line, that of its last lane while it has one
        self._turn = itertools.count(1)
        self._ended: Counter[str] = Counter()  # by endpoint: deliveries that are over since older ones were forgotten

    async def look(self) -> int:
        """Begin what can begin now; answers how many lanes that were."""
        of_tenants = Counter(tenant for tenant, _ in self._lanes.values())
        begun = 0
        async for endpoint in self._in_turn():
            if of_tenants[endpoint.tenant_id] < LANES_OF_A_TENANT:
                task = asyncio.create_task(self._lane(endpoint.id), name=f"webhook {endpoint.id}")
                self._lanes[endpoint.id] = (endpoint.tenant_id, task)
                self._turns[endpoint.id] = next(self._turn)
                of_tenants[endpoint.tenant_id] += 1
                begun += 1
        return begun

    async def _in_turn(self) -> AsyncIterator[Endpoint]:
        """While there is room, endpoints that something is due to: first who has waited longest for a lane."""
        if len(self._lanes) >= self._most:
            return
        due = await self._deliveries.due_endpoints(self._now())
        self._turns = {each: self._turns.get(each) or next(self._turn) for each in (*self._lanes, *due)}
        waiting = sorted((each for each in due if each not in self._lanes), key=self._turns.__getitem__)
        for start in range(0, len(waiting), _AT_A_TIME):
            ids = waiting[start : start + _AT_A_TIME]
            for endpoint_id, endpoint in zip(ids, await self._endpoints.get_many(ids), strict=True):
                if len(self._lanes) >= self._most:
                    return
                if endpoint is None:
                    await self._deliveries.forget({"endpointId": endpoint_id})
                else:
                    yield endpoint

    async def release(self) -> None:
        """Let go on what waits for endpoints that are active again."""
        for endpoint in await self._endpoints.get_many(await self._deliveries.held()):
            if endpoint is not None and endpoint.state is EndpointState.ACTIVE:
                await self._deliveries.release(endpoint.id)

    async def idle(self) -> None:
        """Wait for what is on its way."""
        while self._lanes:
            await asyncio.wait([task for _, task in self._lanes.values()])

    async def aclose(self) -> None:
        """Break off: what was on its way is sent again by whoever leads next."""
        tasks = [task for _, task in self._lanes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _lane(self, endpoint_id: str) -> None:
        try:
            for delivery in await self._deliveries.due_to(endpoint_id, self._now(), IN_A_ROW):
                if not await self.deliver(delivery):
                    break
            await self._trim(endpoint_id)
        except Exception as error:
            known = isinstance(error, ServiceError | Refused) or as_service_error(error) is not None
            logger.warning("a webhook's lane ended", extra={"webhook": endpoint_id}, exc_info=None if known else error)
        finally:
            self._lanes.pop(endpoint_id, None)

    async def _trim(self, endpoint_id: str) -> None:
        """Now and then, so that it costs next to nothing."""
        if self._ended[endpoint_id] >= TRIMMED_EVERY:
            del self._ended[endpoint_id]
            await self._deliveries.trim(endpoint_id, KEPT_ENDED)

    async def deliver(self, delivery: Delivery) -> bool:
        """One attempt. Answers whether it succeeded: the lane goes on then."""
        endpoint = await self._endpoints.find(delivery.endpoint_id)
        if endpoint is None:
            await self._deliveries.forget({"endpointId": delivery.endpoint_id})
            return False
        if endpoint.state is not EndpointState.ACTIVE:
            await self._deliveries.hold(endpoint.id)
            return False
        at = self._now()
        sent = await self._sender.post(
            endpoint.tenant_id, endpoint.url, self._headers(endpoint, delivery, at), delivery.body
        )
        if not sent.begun:
            await self._deliveries.replace(None, put_off(delivery, at, chance=self._chance()))
            return False
        attempt = _attempt(delivery, at, sent)
        wish = parse_wish(sent.answer.retry_after) if sent.answer else None
        after = attempted(delivery, attempt, chance=self._chance(), wish=wish)
        await self._deliveries.replace(None, after)
        self._ended[endpoint.id] += after.state is not DeliveryState.PENDING
        await self._tell(endpoint, attempt)
        return attempt.succeeded

    def _headers(self, endpoint: Endpoint, delivery: Delivery, at: datetime) -> dict[str, str]:
        place = secret_place(endpoint.id)
        secrets = [self._personal_data.open(each.sealed, place) for each in secrets_at(endpoint, at)]
        if not secrets:
            raise Sealed("there is no secret to sign with")
        return {
            "Content-Type": "application/json",
            "User-Agent": "PROP-Sandbox-Webhooks/1",
            **signed_headers(secrets, delivery.event_id, at, delivery.body),
        }

    async def _tell(self, endpoint: Endpoint, attempt: Attempt) -> None:
        """Count what it came to; the tenant may be changing the endpoint at the same time."""

        def told(found: Endpoint) -> Endpoint:
            return succeeded(found) if attempt.succeeded else failed(found, attempt.at, gone=attempt.status == GONE)

        await self._endpoints.change(endpoint, told)


def _attempt(delivery: Delivery, at: datetime, sent: Sent) -> Attempt:
    answer = sent.answer
    return Attempt(
        at=at,
        by_hand=delivery.by_hand,
        milliseconds=sent.milliseconds,
        status=answer.status if answer else None,
        problem=sent.problem,
        request_head=sent.request_head[:LONGEST_HEAD],
        response_head=answer.head[:LONGEST_HEAD] if answer else "",
        response_body=answer.body.decode(errors="replace") if answer else "",
    )
