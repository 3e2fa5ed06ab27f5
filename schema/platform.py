"""The root fields that are always there: which world is this, who am I, what is the platform."""

from enum import StrEnum
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Self

import strawberry

from schema.context import Info
from schema.cost import ListSize
from schema.types import Marked, marks
from service.access import Caller, CallerKind
from service.world import World

strawberry.enum(CallerKind, description="As whom the service knows the caller.")


@strawberry.enum(description="What the platform is made of (art. 2).")
class Component(StrEnum):
    EQUIPMENT = "EQUIPMENT"
    LINE = "LINE"
    SOFTWARE = "SOFTWARE"


@strawberry.type(description="Which world this is, and as whom the service knows the caller.")
class Viewer(Marked):
    kind: CallerKind = strawberry.field(description="ANONYMOUS without a token.")

    @classmethod
    def of(cls, caller: Caller, world: World) -> Self:
        return cls(**marks(world), kind=caller.kind)


@strawberry.type(description="The Participant Remote Operating Platform (参与人远程操作平台), art. 1, 2, 5.")
class Platform(Marked):
    name: str = strawberry.field(description="Its name in English.")
    name_zh: str = strawberry.field(description="Its name as the agreement has it (art. 1).")
    components: list[Component] = strawberry.field(
        description="Equipment (设备), lines (线路), software (软件): art. 2.", directives=[ListSize(assumed_size=3)]
    )
    owner: str = strawberry.field(description="To whom the platform belongs (art. 5).")
    version: str = strawberry.field(description="The version of this service.")

    @classmethod
    def of(cls, world: World) -> Self:
        return cls(
            **marks(world),
            name="Participant Remote Operating Platform",
            name_zh="参与人远程操作平台",
            components=list(Component),
            owner="The securities depository, Party B (乙方)",
            version=service_version(),
        )


@cache
def service_version() -> str:
    """The version of the installed distribution; "unpackaged" when run from a bare checkout."""
    try:
        return version("prop-service")
    except PackageNotFoundError:
        return "unpackaged"


@strawberry.type
class PlatformQuery:
    @strawberry.field(description="Which world am I in, who am I.")
    def viewer(self, info: Info) -> Viewer:
        return Viewer.of(info.context.caller, info.context.services.world)

    @strawberry.field(description="What the platform is, of what, and whose (art. 1, 2, 5).")
    def platform(self, info: Info) -> Platform:
        return Platform.of(info.context.services.world)
