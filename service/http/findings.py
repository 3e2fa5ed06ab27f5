"""What a request turned out to be: filled in by the route that serves it, for middleware around it to read afterwards.

Lives in the scope's state and dies with it. Nobody looks in production, so that nothing here costs more than setting an
attribute. It holds what was sent, secrets and all: whoever keeps any of it takes out first what must not be kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.access import Caller
from service.http.marks import Scope
from service.refusals import Refusal

FINDINGS = "findings"
OBSERVE = "observe_operation"


@dataclass(slots=True)
class Findings:
    """Of one request, or of one operation on a WebSocket.

    `caller` was let in. `claimed` is the holder of the certificate that an assertion named, let in or not. `errors` are
    GraphQL's, formatted; `refusals` are those that payloads carry, whether the client selected them or not.
    """

    caller: Caller | None = None
    claimed: tuple[str | None, str | None] = (None, None)  # operator, participant
    authorization: str | None = field(default=None, repr=False)  # where it did not come as a header
    document: str | None = field(default=None, repr=False)
    variables: Mapping[str, Any] | None = field(default=None, repr=False)
    assertion: str | None = field(default=None, repr=False)
    operation_name: str | None = None
    operation_kind: str | None = None  # query, mutation, subscription
    cost: int | None = None
    errors: Sequence[Mapping[str, Any]] = ()
    refusals: tuple[Refusal, ...] = ()
    idempotency_key: str | None = field(default=None, repr=False)
    data: Any = field(default=None, repr=False)
    answers: int = 0

    def answered(self, errors: Sequence[Mapping[str, Any]] | None, data: Any) -> None:
        """An answer was made. A subscription has many: the errors of the first that has any stay."""
        self.answers += 1
        self.data = data
        self.errors = self.errors or errors or ()

    def refused(self, refusals: Sequence[Refusal]) -> None:
        self.refusals += tuple(refusals)


Observe = Callable[[Findings], Callable[[], None]]
"""Told when an operation on a WebSocket begins; what it answers is called when the operation has ended."""


def findings_of(scope: Scope) -> Findings:
    """Those of a request; made when they are first asked for."""
    state = scope.get("state")
    if state is None:
        state = scope["state"] = {}
    found = state.get(FINDINGS)
    if found is None:
        found = state[FINDINGS] = Findings()
    made: Findings = found
    return made


def observer_of(scope: Scope) -> Observe | None:
    """Whoever wants to know of each operation on this WebSocket."""
    observe: Observe | None = scope.get("state", {}).get(OBSERVE)
    return observe
