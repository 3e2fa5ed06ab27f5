"""All collections of the service, in one place: what `prop database init` makes. A noun adds its own here."""

from service.storage.agreements import AGREEMENTS
from service.storage.database import STAMP_NAMESPACE, Collection
from service.storage.log import BATCHES, LOG, QUEUE, TILES
from service.storage.records import RECORDS

WORLD = Collection(
    name=STAMP_NAMESPACE,
    properties={"_id": {"enum": ["world"]}, "name": {"bsonType": "string"}},
    required=("name",),
)
"""The stamp: one document that says whose database this is. Held by both databases of a world."""

ALL_COLLECTIONS: tuple[Collection, ...] = (AGREEMENTS, RECORDS, QUEUE, LOG, BATCHES, TILES)
