"""Removing much from a collection: batch by batch, so that each is within the driver's patience."""

from typing import Any

from service.storage.database import Document

BATCH = 5_000


async def remove_in_batches(collection: Any, query: Document) -> int:
    """What the query finds, by id, the smallest first; answers how much that was."""
    removed = 0
    while True:
        found = await collection.find(query, {"_id": 1}).sort("_id", 1).limit(BATCH).to_list(BATCH)
        if not found:
            return removed
        batch = {"$and": [query, {"_id": {"$lte": found[-1]["_id"]}}]}
        removed += (await collection.delete_many(batch)).deleted_count
