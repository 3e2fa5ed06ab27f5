"""Which certificates the revocation list has yet to follow: those whose entry is not what their state asks for."""

from collections.abc import Sequence

from service.certificates import Certificate
from service.storage.database import Database
from service.storage.revocations import REVOCATIONS, entry_of, place_of

_BATCH = 500


async def unfollowed(database: Database, certificates: Sequence[Certificate]) -> list[Certificate]:
    """Of certificates that were issued here. Told by what is stored, so that it does not matter who changed what."""
    found: list[Certificate] = []
    for start in range(0, len(certificates), _BATCH):
        batch = certificates[start : start + _BATCH]
        query = {"_id": {"$in": [place_of(each) for each in batch]}}
        stored = await database.collection(REVOCATIONS).find(query, {"entry": 1}).to_list(None)
        entries = {each["_id"]: each["entry"] for each in stored}
        found += [each for each in batch if entries.get(place_of(each)) != entry_of(each)]
    return found
