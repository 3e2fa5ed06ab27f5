"""A sandbox whose records reach webhooks, for tests, and looks at what became of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sandbox.bootstrap import Sandbox
from sandbox.settings import SandboxSettings
from sandbox.tenants.joining import Joined
from sandbox.webhooks.deliveries import Delivery, DeliveryState
from sandbox.webhooks.endpoints import EndpointState
from service.access import SYSTEM
from tests.sandbox import opening
from tests.sandbox.opening import opened_sandbox, prepared_settings
from tests.sandbox.receiving import Recorder
from tests.waiting import until


@contextmanager
def prepared_once(uri: str, directory: Path) -> Iterator[SandboxSettings]:
    """Settings of a prepared sandbox for all tests of a module, each of which joins as tenants of its own."""
    manager = prepared_settings(uri, directory, SANDBOX_TENANTS_PER_ADDRESS="1000")
    with asyncio.Runner() as runner:
        prepared = runner.run(manager.__aenter__())
        try:
            yield prepared
        finally:
            runner.run(manager.__aexit__(None, None, None))


@asynccontextmanager
async def integrating(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    """A sandbox whose records enter the log."""
    async with opened_sandbox(settings) as sandbox:
        task = asyncio.create_task(sandbox.services.integrator.run())
        try:
            await until(lambda: followed(sandbox))
            yield sandbox
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def followed(sandbox: Sandbox) -> bool:
    """Whether all that was written was read for webhooks."""
    log = sandbox.webhooks.flow._log
    if await log.oldest_queued() is not None:
        return False
    position = await sandbox.webhooks.flow._cursors.find()
    return position is not None and position == await log.size()


async def join(sandbox: Sandbox) -> Joined:
    """A tenant, once what its joining recorded has gone by."""
    joined = await opening.join(sandbox)
    await until(lambda: followed(sandbox), 30)
    return joined


async def write(sandbox: Sandbox, joined: Joined, kind: str = "participant.resumed", **content: object) -> str:
    async def work(session: object) -> str:
        services = sandbox.services
        record = await services.records.write(SYSTEM, session, kind, joined.tenant.id, joined.tenant.id, content)
        return record.id

    return await sandbox.database.transaction(work)


async def deliveries(sandbox: Sandbox, joined: Joined) -> list[Delivery]:
    return await sandbox.webhooks.service.deliveries(joined.tenant.id, None, 100)


async def first_delivery(sandbox: Sandbox, joined: Joined, state: DeliveryState) -> Delivery:
    found: list[Delivery] = []

    async def there() -> bool:
        found[:] = [each for each in await deliveries(sandbox, joined) if each.state is state]
        return bool(found)

    await until(there, 30)
    return found[0]


def types_of(recorder: Recorder) -> list[str]:
    return [json.loads(each.body)["type"] for each in recorder.messages]


async def until_attempted(sandbox: Sandbox, joined: Joined) -> Delivery:
    async def attempted() -> bool:
        return any(each.attempts for each in await deliveries(sandbox, joined))

    await until(attempted, 30)
    return next(each for each in await deliveries(sandbox, joined) if each.attempts)


async def is_paused(sandbox: Sandbox, joined: Joined) -> bool:
    endpoint = (await sandbox.webhooks.service.of_tenant(joined.tenant.id))[0]
    return endpoint.state is EndpointState.PAUSED and bool(endpoint.paused_because)
