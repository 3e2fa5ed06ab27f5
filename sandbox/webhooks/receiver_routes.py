"""`POST /sandbox/receiver/<address of the tenant's own>`: takes a webhook, says what a client would find of it."""

import asyncio
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from ulid import ULID

from sandbox.bootstrap import Ground, Sandbox
from sandbox.webhooks.receivers import LONGEST, RECEIVER_PATH, Manner, Received, tenant_of
from sandbox.webhooks.sending import SECONDS
from sandbox.webhooks.signatures import ID, SIGNATURE, TIMESTAMP, Verdict, verify
from service.http.bodies import BodyRefused, read_body

SLOW_SECONDS = SECONDS + 2
_LONGEST_HEADER = 512
_STATUS = {Manner.ERROR: 500, Manner.GONE: 410}


def receiver_routes(ground: Ground) -> list[BaseRoute]:
    async def receive(request: Request) -> Response:
        """1 whose address, 2 read, 3 verify, 4 keep, 5 answer as the tenant wants it."""
        sandbox = ground.sandbox
        tenant_id = tenant_of(request.path_params["token"], sandbox.webhooks.personal_data)  # 1
        tenant = await sandbox.tenants.find(tenant_id) if tenant_id else None
        if tenant is None or tenant.has_ended:
            return Response(status_code=404)
        try:
            body = await read_body(request.receive, LONGEST)  # 2
        except BodyRefused as refused:
            return Response(status_code=refused.status, headers={"Connection": "close"})
        now = sandbox.clock.now()
        secrets = await sandbox.webhooks.service.secrets_of(tenant.id, sandbox.webhooks.receiver_url(tenant.id))
        headers = {name: request.headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE)}
        verdict = verify(secrets, headers, body, now)  # 3
        manner = await sandbox.webhooks.receivers.manner_of(tenant.id)
        status = _STATUS.get(manner) or (204 if verdict is Verdict.VERIFIED else 401)
        await _keep(sandbox, tenant.id, now, headers, body, verdict, None if manner is Manner.SLOW else status)  # 4
        if manner is Manner.SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        return Response(status_code=status)  # 5

    return [Route(f"{RECEIVER_PATH}/{{token}}", receive, methods=["POST"])]


async def _keep(  # noqa: PLR0917 - what came, in the order in which it was looked at
    sandbox: Sandbox,
    tenant_id: str,
    now: datetime,
    headers: dict[str, str],
    body: bytes,
    verdict: Verdict,
    answered: int | None,
) -> None:
    webhook_id, timestamp, signature = (headers[name][:_LONGEST_HEADER] for name in (ID, TIMESTAMP, SIGNATURE))
    received = Received(
        id=str(ULID.from_datetime(now)),
        version=1,
        tenant_id=tenant_id,
        at=now,
        verdict=verdict,
        again=await sandbox.webhooks.received.came_before(tenant_id, webhook_id),
        webhook_id=webhook_id,
        timestamp=timestamp,
        signature=signature,
        body=body.decode(errors="replace"),
        answered=answered,
    )
    await sandbox.webhooks.received.keep(received)
