"""Object types of the public schema. What every stored thing has in common stands first."""

from typing import TypedDict

import strawberry

from service.refusals import RefusalCode
from service.world import Environment, World

strawberry.enum(Environment, description="Which of the two worlds (art. 17).")
strawberry.enum(RefusalCode, description="What a rule says no with. A code, once published, keeps its meaning.")


@strawberry.interface(
    description="Everything the service serves says which world it belongs to and whether it binds (art. 3, 10, 17)."
)
class Marked:
    environment: Environment = strawberry.field(description="The world this belongs to (art. 17).")
    binding: bool = strawberry.field(description="Whether it binds anybody. In the sandbox: never (art. 17).")
    notice: str | None = strawberry.field(description="What the world wants said about its data, if anything.")


@strawberry.interface(
    description='A thing with an id, "<world>-<kind>-<ULID>". An id of the other world is refused (art. 17).'
)
class Node:
    id: strawberry.ID


class Marks(TypedDict):
    environment: Environment
    binding: bool
    notice: str | None


def marks(world: World) -> Marks:
    """The fields of `Marked`, for the constructor of a type that is: `Agreement(**marks(world), ...)`."""
    return Marks(environment=world.environment, binding=world.binding, notice=world.notice)
