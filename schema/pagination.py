"""The one connection of the schema: keyset pages, forward and back, counted only when the count is asked for.

A field that serves one takes `first`, `after`, `last`, `before`, makes a `PageRequest` of them with `page_request`,
hands it to its service, and gives back `connect(page, Node.of, count)`.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

import orjson
import strawberry

from schema.context import Info
from schema.scalars import Cursor
from service.access import Caller
from service.errors import BadInput
from service.pagination import Order, Page, PageRequest, Position, Value
from service.world import World

N = TypeVar("N")
R = TypeVar("R")
W_contra = TypeVar("W_contra", contravariant=True)

NOT_OURS = "This is not a cursor of this list: pass one that the service gave, unchanged, with the same order."
MOMENT = "t"  # {"t": "2026-01-31T08:00:00.123000+00:00"}: JSON has no times


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: Cursor | None
    end_cursor: Cursor | None


@strawberry.type(description="One item of a page, with its place.")
class Edge(Generic[N]):
    cursor: Cursor
    node: N


@strawberry.type(description="A page of a list.")
class Connection(Generic[N]):
    edges: list[Edge[N]]
    nodes: list[N]
    page_info: PageInfo
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many there are in all. Counted when it is asked for, and only then.")
    async def total_count(self) -> int:
        return await self.count()


def page_request(
    info: Info,
    order: Order,
    *,
    first: int | None = None,
    after: Cursor | None = None,
    last: int | None = None,
    before: Cursor | None = None,
) -> PageRequest:
    """What a field's arguments ask for. Raises BadInput, naming the bounds, for what no page can be."""
    backward = last is not None or before is not None
    if backward and (first is not None or after is not None):
        raise BadInput("Ask with first and after, or with last and before, not with both.", field="first")
    limits = info.context.limits
    name, size = ("last", last) if backward else ("first", first)
    limit = limits.default_page if size is None else size
    if not 1 <= limit <= limits.page:
        raise BadInput(
            f"{name} must be from 1 to {limits.page}; this is {limit}.", field=name, minimum=1, maximum=limits.page
        )
    boundary = before if backward else after
    position = None if boundary is None else read_cursor(order, boundary)
    return PageRequest(order, limit, position, backward=backward)


def connect(page: Page[R], to_node: Callable[[R], N], count: Callable[[], Awaitable[int]]) -> Connection[N]:
    """The connection of a page of records. `count` is called if `totalCount` is selected."""
    nodes = [to_node(item) for item in page.items]
    cursors = [write_cursor(page.order, position) for position in page.positions]
    return Connection(
        edges=[Edge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
        count=count,
    )


class Pages(Protocol[W_contra, R]):
    """A service that has pages of a noun: of those that the caller may see, which is for it to say."""

    async def page(self, caller: Caller, wanted: W_contra, request: PageRequest, /) -> Page[R]: ...
    async def count(self, caller: Caller, wanted: W_contra, /) -> int: ...


async def connection_of(
    info: Info, service: Pages[W_contra, R], to_node: Callable[[World, R], N], wanted: W_contra, request: PageRequest
) -> Connection[N]:
    """The connection of what a service has for which `wanted` holds, as the caller sees it."""
    caller, world = info.context.caller, info.context.services.world
    page = await service.page(caller, wanted, request)
    return connect(page, lambda record: to_node(world, record), lambda: service.count(caller, wanted))


def write_cursor(order: Order, position: Position) -> Cursor:
    """A position as one URL-safe word: base64 of the order's name and the values of its keys, as JSON."""
    values = [{MOMENT: value.isoformat()} if isinstance(value, datetime) else value for value in position]
    return Cursor(base64.urlsafe_b64encode(orjson.dumps([order.name, *values])).rstrip(b"=").decode())


def read_cursor(order: Order, cursor: str) -> Position:
    """The position that a cursor names. Raises BadInput for whatever `write_cursor` would not write for this order.

    Does not say that an item is, or ever was, at that position.
    """
    try:
        decoded = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadInput(NOT_OURS) from error
    if not isinstance(decoded, list) or not decoded or decoded[0] != order.name:
        raise BadInput(NOT_OURS)
    position = tuple(_read_value(value) for value in decoded[1:])
    if not order.fits(position):
        raise BadInput(NOT_OURS)
    return position


def _read_value(value: object) -> Value:
    if isinstance(value, dict) and isinstance(text := value.get(MOMENT), str):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise BadInput(NOT_OURS) from error
        if moment.tzinfo is not UTC and moment.utcoffset() != UTC.utcoffset(None):
            raise BadInput(NOT_OURS)
        return moment
    if isinstance(value, str | int) and not isinstance(value, bool) and not _is_vast(value):
        return value
    raise BadInput(NOT_OURS)


def _is_vast(value: str | int) -> bool:
    """MongoDB's integers have 64 bits; more than that would fail in the driver."""
    return isinstance(value, int) and not -(2**63) <= value < 2**63
