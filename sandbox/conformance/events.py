"""What the server saw of a client, in one form for all that grades it: requests, records of acts, declarations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

Value = str | int | bool | None | Sequence["Value"] | Mapping[str, "Value"]


class Source(StrEnum):
    EXCHANGE = "exchange"  # a request and its answer, as the inspector kept it
    RECORD = "record"  # of an act (art. 12)
    DECLARATION = "declaration"  # what the client said of a thing that the suite gave it


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that the server saw, by the tenant's time. `fields` are nested; a dotted path leads into them."""

    id: str
    at: datetime
    source: Source
    fields: Mapping[str, Any]

    def field(self, path: str) -> Value:
        """What stands there; None for nothing."""
        found: Value = self.fields
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


def in_order(events: Sequence[Event]) -> list[Event]:
    """Each once, by time; what came in the same millisecond, by its id."""
    return sorted({each.id: each for each in events}.values(), key=lambda each: (each.at, each.id))
