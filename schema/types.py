"""Object types of the public schema. What every stored thing has in common stands first."""

import strawberry

from service.world import Environment

EnvironmentEnum = strawberry.enum(Environment, name="Environment", description="Which of the two worlds (art. 17).")


@strawberry.interface(
    description="Everything the service serves says which world it belongs to and whether it binds (art. 3, 10, 17)."
)
class Marked:
    environment: EnvironmentEnum = strawberry.field(description="The world this belongs to (art. 17).")  # type: ignore[valid-type]  # strawberry's enum
    binding: bool = strawberry.field(description="Whether it binds anybody. In the sandbox: never (art. 17).")
    notice: str | None = strawberry.field(description="What the world wants said about its data, if anything.")


@strawberry.interface(
    description='A thing with an id, "<world>-<kind>-<ULID>". An id of the other world is refused (art. 17).'
)
class Node:
    id: strawberry.ID
