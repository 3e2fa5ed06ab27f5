"""All collections of the service, in one place: what `prop database init` makes. A noun adds its own here."""

from service.storage.agreements import AGREEMENTS
from service.storage.applications import APPLICATIONS
from service.storage.calendars import CALENDARS
from service.storage.certificate_keys import CERTIFICATE_KEYS
from service.storage.certificates import CERTIFICATES
from service.storage.conformance import CONFORMANCE_CHECKS
from service.storage.consents import CONSENTS
from service.storage.database import STAMP_NAMESPACE, Collection
from service.storage.electronic_keys import ELECTRONIC_KEYS
from service.storage.idempotency import IDEMPOTENCY
from service.storage.leases import LEASES
from service.storage.log import BATCHES, LOG, QUEUE, TILES
from service.storage.operators import OPERATORS
from service.storage.outbox import OUTBOX
from service.storage.participants import PARTICIPANTS
from service.storage.proposals import PROPOSALS
from service.storage.records import RECORDS
from service.storage.registrars import REGISTRARS
from service.storage.reminders import REMINDERS
from service.storage.revocations import REVOCATION_LIST_PARTS, REVOCATION_LISTS, REVOCATIONS
from service.storage.tasks import TASKS
from service.storage.tokens import USED_ASSERTIONS
from service.storage.usage import PERMISSION_USE

WORLD = Collection(
    name=STAMP_NAMESPACE,
    properties={"_id": {"enum": ["world"]}, "name": {"bsonType": "string"}},
    required=("name",),
)
"""The stamp: one document that says whose database this is. Held by both databases of a world."""

ALL_COLLECTIONS: tuple[Collection, ...] = (
    AGREEMENTS,
    CONSENTS,
    PARTICIPANTS,
    APPLICATIONS,
    OPERATORS,
    REGISTRARS,
    CERTIFICATES,
    CERTIFICATE_KEYS,
    REVOCATIONS,
    REVOCATION_LISTS,
    REVOCATION_LIST_PARTS,
    ELECTRONIC_KEYS,
    REMINDERS,
    OUTBOX,
    CALENDARS,
    CONFORMANCE_CHECKS,
    LEASES,
    TASKS,
    PROPOSALS,
    IDEMPOTENCY,
    PERMISSION_USE,
    RECORDS,
    QUEUE,
    LOG,
    BATCHES,
    TILES,
    USED_ASSERTIONS,
)
