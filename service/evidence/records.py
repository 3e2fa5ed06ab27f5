"""What a record says: the object whose canonical bytes are hashed, signed and logged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.evidence import canonical
from service.evidence.canonical import Json
from service.evidence.errors import Malformed
from service.world import World

FIELDS = (
    "actor",
    "at",
    "binding",
    "content",
    "environment",
    "id",
    "kind",
    "notice",
    "participant",
    "subject",
    "version",
)
ACTOR_FIELDS = ("certificate", "id", "kind", "participant")
VERSION = 1


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of a world as they stand inside signed bytes (art. 17)."""

    environment: str
    binding: bool
    notice: str | None

    @classmethod
    def of(cls, world: World) -> "Marks":
        return cls(world.environment.value, world.binding, world.notice)


def compose(marks: Marks, fields: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a record: `fields` are those of FIELDS that are no marks. Raises Malformed."""
    value = {
        **fields,
        "environment": marks.environment,
        "binding": marks.binding,
        "notice": marks.notice,
        "version": VERSION,
    }
    if set(value) != set(FIELDS):
        raise Malformed("A record has its own fields and no others.")
    return canonical.encode(value)


def parse(data: bytes) -> Json:
    """Read a record's bytes strictly. Raises Malformed; what the content means is not checked."""
    value = canonical.decode(data, FIELDS)
    actor, notice = value["actor"], value["notice"]
    if value["version"] != VERSION or isinstance(value["version"], bool):
        raise Malformed("The record is of a version that this program does not know.")
    if not isinstance(actor, dict) or set(actor) != set(ACTOR_FIELDS) or not isinstance(value["content"], dict):
        raise Malformed("The record's actor or content has not the form it should have.")
    texts = (value["id"], value["kind"], value["at"], value["environment"])
    if not all(isinstance(each, str) for each in texts) or not isinstance(value["binding"], bool):
        raise Malformed("A field of the record is not of its type.")
    if not isinstance(notice, str | None):
        raise Malformed("The record's notice is not text.")
    return value
