"""What the platform is, and the closed catalogues of what can be granted on it. Open to all."""

from enum import StrEnum
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Self

import strawberry

from schema.context import Info
from schema.cost import ListSize
from schema.types import Marked, marks
from service.access import (
    ROLE_CEILINGS,
    SERVICES,
    OperatorRole,
    Permission,
    QualificationType,
    Service,
    ServiceKind,
    ServiceTerms,
)
from service.missing_permissions import service_of
from service.world import World


@strawberry.enum(description="What the platform is made of (art. 2).")
class Component(StrEnum):
    EQUIPMENT = "EQUIPMENT"
    LINE = "LINE"
    SOFTWARE = "SOFTWARE"


strawberry.enum(ServiceKind, description="业务处理 or 数据交换: the two kinds of service that art. 2 names.")


@strawberry.type(description="A service (服务) that participants can be granted (art. 2, 9).")
class ServiceDescription:
    service: Service
    kind: ServiceKind
    title: str
    title_zh: str
    permissions: list[Permission] = strawberry.field(
        description="What it brings: an administrator gives operators some of these.",
        directives=[ListSize(assumed_size=max(len(terms.permissions) for terms in SERVICES.values()))],
    )
    qualification: QualificationType | None = strawberry.field(description="What it presupposes (art. 20).")

    @classmethod
    def of(cls, service: Service, terms: ServiceTerms) -> Self:
        return cls(
            service=service,
            kind=terms.kind,
            title=terms.title,
            title_zh=terms.title_zh,
            permissions=sorted(terms.permissions),
            qualification=terms.qualification,
        )


@strawberry.type(description="A permission (权限) that operators can be given (art. 11).")
class PermissionDescription:
    permission: Permission
    service: Service = strawberry.field(description="The service that brings it.")
    roles: list[OperatorRole] = strawberry.field(
        description="The roles that may hold it.", directives=[ListSize(assumed_size=len(OperatorRole))]
    )

    @classmethod
    def of(cls, permission: Permission) -> Self:
        roles = [role for role in OperatorRole if permission in ROLE_CEILINGS[role]]
        return cls(permission=permission, service=service_of(permission), roles=roles)


@strawberry.type(description="The Participant Remote Operating Platform (参与人远程操作平台), art. 1, 2, 5.")
class Platform(Marked):
    name: str = strawberry.field(description="Its name in English.")
    name_zh: str = strawberry.field(description="Its name as the agreement has it (art. 1).")
    components: list[Component] = strawberry.field(
        description="Equipment (设备), lines (线路), software (软件): art. 2.",
        directives=[ListSize(assumed_size=len(Component))],
    )
    services: list[ServiceDescription] = strawberry.field(
        description="The catalogue of services (art. 2).", directives=[ListSize(assumed_size=len(SERVICES))]
    )
    permissions: list[PermissionDescription] = strawberry.field(
        description="The catalogue of permissions (art. 11): there is no wildcard.",
        directives=[ListSize(assumed_size=len(Permission))],
    )
    owner: str = strawberry.field(description="To whom the platform belongs (art. 5).")
    version: str = strawberry.field(description="The version of this service.")

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, world: World) -> Self:
        """The same for every request of a world, and made once."""
        return cls(
            **marks(world),
            name="Participant Remote Operating Platform",
            name_zh="参与人远程操作平台",
            components=list(Component),
            services=[ServiceDescription.of(service, terms) for service, terms in SERVICES.items()],
            permissions=[PermissionDescription.of(permission) for permission in Permission],
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
    @strawberry.field(description="What the platform is, of what, and whose (art. 1, 2, 5).")
    def platform(self, info: Info) -> Platform:
        return Platform.of(info.context.services.world)
