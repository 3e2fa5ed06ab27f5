"""Who asks, and over what sandbox."""

from typing import cast

import strawberry

from sandbox.bootstrap import Sandbox
from sandbox.tenants.records import Tenant, ensure_usable
from schema.context import Context
from service.errors import Unauthenticated

Info = strawberry.Info[Context, None]


def sandbox_of(info: Info) -> Sandbox:
    return cast("Sandbox", info.context.services)  # this schema is served over a Sandbox alone


async def own_tenant(info: Info) -> Tenant:
    """The tenant whose secret the request bears. Raises Unauthenticated."""
    tenant_id = info.context.caller.participant_id
    if tenant_id is None:
        raise Unauthenticated("This takes a tenant's secret as the bearer: join gives one.")
    return ensure_usable(await sandbox_of(info).tenants.find(tenant_id))
