"""Events of tenants: what a record tells to those whom it concerns, or what a tenant fires to see it arrive."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ulid import ULID

from sandbox.scenarios.catalogue import Arrival
from sandbox.webhooks.event_types import EVENT_TYPES, EventType
from sandbox.webhooks.payload import Actor, Data, EventPayload
from service.access import CallerKind
from service.clock import Clock
from service.errors import BadInput
from service.evidence import canonical
from service.evidence.errors import Malformed
from service.identifiers import Kind, new_id, parse_id
from service.records import Record
from service.world import World

LONGEST_CONTENT = 16_384


@dataclass(frozen=True, slots=True)
class Event:
    """`body` are the bytes that webhooks get; `participant_id` whom it concerns, None for everybody.

    `arrival` is what the request that brought it about asked for.
    """

    id: str
    type: str
    participant_id: str | None
    fired: bool
    sequence: int
    body: bytes
    arrival: Arrival | None = None


def find_type(name: str) -> EventType:
    """Raises BadInput with the names there are."""
    found = EVENT_TYPES.get(name)
    if found is None:
        raise BadInput(f"There is no event type {name[:60]!r}; there are {', '.join(EVENT_TYPES)}.", field="type")
    return found


def event_of(world: World, record: Record, sequence: int) -> Event:
    """What webhooks are told of a record. Its id comes from the record's: read again, it is the same event."""
    content = canonical.decode(record.content.encode())["content"]
    actor = Actor(kind=record.actor.kind.value, id=record.actor.id, participant=record.actor.participant_id)
    ulid = parse_id(world, record.id, Kind.RECORD).ulid
    data = Data(
        record=record.id,
        sequence=sequence,
        hash=record.hash,
        participant=record.participant_id,
        subject=record.subject,
        actor=actor,
        content=content,
    )
    return _event(world, ulid, record.kind, record.at, data, fired=False)


def fired_event(
    world: World,
    clock: Clock,
    event_type: EventType,
    tenant_id: str,
    sequence: int,
    *,
    subject: str | None = None,
    content: Mapping[str, Any] | None = None,
) -> Event:
    """As if it happened to the tenant now, by its own time. Nothing happens: the record it names does not exist.

    Raises BadInput for a subject that is no id of this world.
    """
    at = clock.now(tenant_id)
    if subject is not None:
        parse_id(world, subject)
    elif event_type.subject is not None:
        subject = tenant_id if event_type.subject is Kind.PARTICIPANT else new_id(world, event_type.subject, at)
    said = dict(event_type.content if content is None else content)
    data = Data(
        record=new_id(world, Kind.RECORD, at),
        sequence=sequence,
        hash=canonical.digest(canonical.encode(said)),
        participant=None if event_type.for_all else tenant_id,
        subject=subject,
        actor=Actor(kind=CallerKind.SYSTEM.value, id=None, participant=None),
        content=said,
    )
    return _event(world, str(ULID.from_datetime(at)), event_type.name, at, data, fired=True)


def example_participant(world: World, clock: Clock) -> str:
    """Whom an example concerns that is shown to nobody in particular."""
    return new_id(world, Kind.PARTICIPANT, clock.now())


def parse_content(text: str | None) -> Mapping[str, Any] | None:
    """The content that is to be fired: a JSON object without fractions. Raises BadInput."""
    if text is None:
        return None
    try:
        return canonical.decode_loosely(text.encode(errors="replace"), LONGEST_CONTENT)
    except Malformed as error:
        raise BadInput(f"The content is not what a record could hold: {error}", field="content") from None


def _event(world: World, ulid: str, name: str, at: datetime, data: Data, *, fired: bool) -> Event:
    payload = EventPayload(
        id=f"{world.id_prefix}-evt-{ulid}",
        type=name,
        at=at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
        environment=world.environment.value,
        binding=world.binding,
        notice=world.notice,
        fired=fired,
        data=data,
    )
    return Event(payload.id, name, data.participant, fired, data.sequence, _body(payload))


def _body(payload: EventPayload) -> bytes:
    try:
        return canonical.encode(payload.model_dump())
    except Malformed:  # a record may be as long as canonical JSON is allowed to be; what says the same of it is longer
        shorter = payload.model_copy(update={"data": payload.data.model_copy(update={"content": None})})
        return canonical.encode(shorter.model_dump())
