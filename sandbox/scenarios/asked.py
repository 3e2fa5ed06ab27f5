"""What the request that is being answered asked for: a scenario by name, or a fault that its tenant has set.

Bound to the request's own context, so that whatever serves it, however deep, can look; nobody else's is ever seen.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from sandbox.scenarios.catalogue import Place, Scenario


@dataclass(slots=True)
class Line:
    """A WebSocket. `breaks`: its tenant asked that it break; None until chance was asked."""

    breaks: bool | None = None


@dataclass(slots=True)
class Asked:
    """Of one request, or of one operation on a WebSocket. `fault` names one that happened."""

    place: Place
    scenario: Scenario | None = None
    fault: str | None = None
    line: Line | None = field(default=None)

    @property
    def told(self) -> dict[str, str]:
        """What an answer says of it, so that it is never mistaken for a fault of the service."""
        if self.scenario is not None:
            return {"scenario": self.scenario.name}
        return {"fault": self.fault} if self.fault else {}


_current: ContextVar[Asked | None] = ContextVar("asked", default=None)


def asked_now() -> Asked | None:
    return _current.get()


@contextmanager
def asking(asked: Asked | None) -> Iterator[None]:
    """For this task and those it begins, until the request has been served."""
    token = _current.set(asked)
    try:
        yield
    finally:
        _current.reset(token)


def go_on_as(asked: Asked) -> None:
    """From here on, in this task alone: one operation of a WebSocket."""
    _current.set(asked)


def remarks() -> Mapping[str, object]:
    """Beside the mark of the world in every answer."""
    asked = _current.get()
    told = asked.told if asked else {}
    return {"askedFor": told} if told else {}
