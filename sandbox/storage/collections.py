"""All collections of the sandbox's databases: the service's, some with an index more, and the sandbox's own."""

import dataclasses

from sandbox.storage.arrivals import ARRIVALS
from sandbox.storage.clocks import CLOCKS
from sandbox.storage.conformance_runs import CONFORMANCE_RUNS
from sandbox.storage.deliveries import DELIVERIES
from sandbox.storage.event_cursors import EVENT_CURSORS
from sandbox.storage.exchanges import EXCHANGES
from sandbox.storage.faults import FAULTS
from sandbox.storage.joining_places import JOINING_PLACES
from sandbox.storage.receivers import RECEIVED, RECEIVERS
from sandbox.storage.snapshots import SNAPSHOT_PARTS, SNAPSHOTS
from sandbox.storage.tenant_jobs import TENANT_JOBS
from sandbox.storage.tenants import TENANTS
from sandbox.storage.webhooks import WEBHOOKS
from service.storage.collections import ALL_COLLECTIONS
from service.storage.database import Collection, Index

WEBHOOK_COLLECTIONS: tuple[Collection, ...] = (WEBHOOKS, DELIVERIES, EVENT_CURSORS, RECEIVERS, RECEIVED)
OWN_COLLECTIONS: tuple[Collection, ...] = (
    TENANTS,
    JOINING_PLACES,
    CLOCKS,
    FAULTS,
    ARRIVALS,
    EXCHANGES,
    TENANT_JOBS,
    CONFORMANCE_RUNS,
    SNAPSHOTS,
    SNAPSHOT_PARTS,
    *WEBHOOK_COLLECTIONS,
)

MORE_INDEXES: dict[str, tuple[Index, ...]] = {
    "certificate_keys": (Index((("holderId", 1),)),),
    "idempotency": (Index((("subject.participantId", 1),)), Index((("subject._id", 1),))),
}
"""What a tenant's reset looks for, and production never does."""


def _with_more(declared: Collection) -> Collection:
    more = MORE_INDEXES.get(declared.name, ())
    return dataclasses.replace(declared, indexes=(*declared.indexes, *more))


SANDBOX_COLLECTIONS: tuple[Collection, ...] = (*map(_with_more, ALL_COLLECTIONS), *OWN_COLLECTIONS)
