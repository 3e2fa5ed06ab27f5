"""`node` and `nodes`: anything stored, by its id. A noun says here how its kind is found."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, get_args, get_type_hints

import strawberry

from schema.context import Context, GetMany, Info
from schema.cost import ListSize
from schema.types import Node
from service.bootstrap import Services
from service.errors import BadInput, Forbidden, Unauthenticated
from service.identifiers import Kind, parse_id
from service.world import World

MOST_NODES = 50


@dataclass(frozen=True, slots=True)
class Served:
    """How nodes of one kind are found, many at a time, and what becomes of a record."""

    get_many: Callable[[Services], GetMany[str, Any]]
    of: Callable[[World, Any], Node]


_SERVED: dict[Kind, Served] = {}


def serve(kind: Kind, get_many: Callable[[Services], GetMany[str, Any]], of: Callable[[World, Any], Node]) -> None:
    """Let `node` find this kind. `get_many` answers in the order of the ids, None for what the caller may not see."""
    _SERVED[kind] = Served(get_many, of)


async def find_node(context: Context, node_id: str | None) -> Node | None:
    """The node, or None: for an unknown id, a foreign tenant's and a kind that is not served, exactly alike.

    Raises BadInput for what is no id, EnvironmentMismatch for one of the other world.
    """
    if node_id is None:
        return None
    kind = parse_id(context.services.world, node_id).kind
    served = _SERVED.get(kind)
    if served is None:
        return None
    try:
        record = await context.loaders.over(served.get_many(context.services)).load(node_id)
    except (Forbidden, Unauthenticated):
        return None
    return None if record is None else served.of(context.services.world, record)


def ensure_ids(world: World, given: object) -> None:
    """Raises BadInput or EnvironmentMismatch for an id in an input that is none, or is of the other world.

    Does NOT ask for a kind: another kind's id is the id of nothing here.
    """
    if not is_dataclass(given):
        return
    hints = get_type_hints(type(given))
    for each in fields(given):
        value = getattr(given, each.name)
        if isinstance(value, str) and strawberry.ID in {hints[each.name], *get_args(hints[each.name])}:
            parse_id(world, value)


@strawberry.type
class NodeQuery:
    @strawberry.field(description="Anything stored, by its id. Null for what is not there, or not for the caller.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 - Relay's name
        return await find_node(info.context, id)

    @strawberry.field(
        description=f"As `node`, for up to {MOST_NODES} ids; the answers are in their order.",
        directives=[ListSize(assumed_size=MOST_NODES)],
    )
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="50 at most.")]
    ) -> list[Node | None]:
        if len(ids) > MOST_NODES:
            raise BadInput(f"nodes takes {MOST_NODES} ids at most; these are {len(ids)}.", field="ids")
        return list(await asyncio.gather(*(find_node(info.context, each) for each in ids)))
