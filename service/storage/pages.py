"""Keyset pages out of MongoDB: the filter, the sort, and one document more than asked: is there more?."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from service.pagination import Page, PageRequest, Position, Value, page_of
from service.storage.database import Document

T = TypeVar("T")


def page_filter(request: PageRequest, where: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`where`, and of that only what lies beyond the boundary in the direction asked.

    For keys a, b: a not before the boundary, and a beyond, or a equal and b beyond. An index on (equalities of
    `where`, a, b) serves it unsorted, and begins at the boundary instead of reading up to it.
    """
    base = dict(where or {})
    first = request.order.keys[0]
    if request.boundary is None:
        return base
    beyond = []
    equal: dict[str, Value] = {}
    for key, value in zip(request.order.keys, request.boundary, strict=True):
        operator = "$gt" if key.ascending is not request.backward else "$lt"
        beyond.append({**equal, key.field: {operator: value}})
        equal[key.field] = value
    onward = "$gte" if first.ascending is not request.backward else "$lte"
    after = beyond[0] if len(beyond) == 1 else {first.field: {onward: request.boundary[0]}, "$or": beyond}
    return {"$and": [base, after]} if base.keys() & after.keys() else {**base, **after}


def page_sort(request: PageRequest) -> list[tuple[str, int]]:
    return [(key.field, 1 if key.ascending is not request.backward else -1) for key in request.order.keys]


async def find_page(
    collection: Any,
    request: PageRequest,
    where: Mapping[str, Any],
    read: Callable[[Document], T],
) -> Page[T]:
    """The page that is asked for, each document made a record by `read`."""
    cursor = collection.find(page_filter(request, where)).sort(page_sort(request)).limit(request.limit + 1)
    if not where and [key.field for key in request.order.keys] == ["_id"]:
        cursor = cursor.hint([("_id", 1)])  # all there is, by id: not every planner sees that this needs no sorting
    documents = await cursor.to_list(request.limit + 1)
    return page_of(request, [(_position(document, request), read(document)) for document in documents])


def _position(document: Document, request: PageRequest) -> Position:
    return tuple(_value(document, key.field) for key in request.order.keys)


def _value(document: Document, field: str) -> Value:
    found: Any = document
    for name in field.split("."):
        found = found[name]
    return cast("Value", found)
