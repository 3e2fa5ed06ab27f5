"""A page of a list, told by where it begins and not by how much comes before it. Knows neither storage nor GraphQL."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")

Value = str | int | datetime
Position = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class SortKey:
    """One field that a list is sorted by. It is in every document and never null: null has no place in an order."""

    field: str
    kind: type[Value] = str
    ascending: bool = True


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted. The last key is unique: every position is one item's. `name` is part of each cursor."""

    name: str
    keys: tuple[SortKey, ...]

    def fits(self, position: Position) -> bool:
        """Whether a position could be one of this order: as many values, each of its key's kind."""
        return len(position) == len(self.keys) and all(
            type(value) is key.kind for value, key in zip(position, self.keys, strict=True)
        )


BY_ID = Order("id", (SortKey("_id"),))
LATEST_FIRST = Order("latest", (SortKey("_id", ascending=False),))


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`limit` items after `boundary`; backward, the last `limit` before it. No boundary: from the end of the list."""

    order: Order
    limit: int
    boundary: Position | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items in the order of the list, whichever way they were asked for, with the position of each."""

    items: tuple[T, ...]
    positions: tuple[Position, ...]
    order: Order
    has_next: bool
    has_previous: bool

    def map(self, change: Callable[[T], U]) -> "Page[U]":
        items = tuple(change(item) for item in self.items)
        return Page(items, self.positions, self.order, self.has_next, self.has_previous)


def page_of(request: PageRequest, found: list[tuple[Position, T]]) -> Page[T]:
    """The page out of what a store found: up to `limit + 1` items in the direction asked, the last a sign of more."""
    more = len(found) > request.limit
    kept = found[: request.limit]
    if request.backward:
        kept.reverse()
    beyond = request.boundary is not None
    return Page(
        items=tuple(item for _, item in kept),
        positions=tuple(position for position, _ in kept),
        order=request.order,
        has_next=beyond if request.backward else more,
        has_previous=more if request.backward else beyond,
    )
