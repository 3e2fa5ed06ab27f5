"""Who is given what: root fields ask their service, which refuses and records; a field below is null instead.

Both declare the act they stand for, so that a test can hold every field of the schema against `service.policy`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from strawberry.extensions import FieldExtension

from schema.context import Info
from service.policy import Action, may

ACTIONS = "actions"
Next = Callable[..., Awaitable[Any]]


def asks(*actions: Action) -> dict[str, tuple[Action, ...]]:
    """The metadata of a field whose service asks the policy for one of these acts."""
    return {ACTIONS: actions}


class OnlyFor(FieldExtension):
    """A relation that is null for callers whom the policy does not allow the act: absent, and no error."""

    def __init__(self, action: Action) -> None:
        self.action = action

    async def resolve_async(self, next_: Next, source: Any, info: Info, **arguments: Any) -> Any:
        return await next_(source, info, **arguments) if may(info.context.caller, self.action) else None
