"""Events: every kind of record that a participant may get has its place in the list; examples are as published."""

import ast
import dataclasses
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.webhooks.event_types import EVENT_TYPES, EventType
from sandbox.webhooks.events import event_of, fired_event, parse_content
from sandbox.webhooks.payload import EventPayload
from sandbox.world import SANDBOX
from service.access import CallerKind
from service.errors import BadInput, EnvironmentMismatch
from service.evidence import canonical, records
from service.identifiers import Kind, new_id
from service.records import Actor, Record
from tests.clocks import FixedClock
from tests.sandbox.starting import ROOT

NOW = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)
CLOCK = FixedClock(NOW)
TENANT = new_id(SANDBOX, Kind.PARTICIPANT, NOW)
OF_THE_DEPOSITORY = {"registrar.added", "registrar.ended", "conformance.checked"}
"""Records that concern no participant."""


def kinds_written() -> Iterator[tuple[str, Path]]:
    """Each kind that stands as a literal in a call that keeps a record."""
    for path in (ROOT / "service").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(getattr(node, "func", None), "attr", "")
            if isinstance(node, ast.Call) and name in {"record", "write", "keep", "_keep", "_record", "_change"}:
                for each in node.args:
                    if isinstance(each, ast.Constant) and isinstance(each.value, str) and "." in each.value:
                        yield each.value, path


def test_every_kind_of_record_that_concerns_participants_is_an_event_that_can_be_fired():
    written = dict(kinds_written())
    assert len(written) > 30
    assert {
        kind: path.name for kind, path in written.items() if kind not in EVENT_TYPES.keys() | OF_THE_DEPOSITORY
    } == {}


@pytest.mark.parametrize("event_type", EVENT_TYPES.values(), ids=EVENT_TYPES)
def test_every_example_is_canonical_marked_and_as_the_published_schema_has_it(event_type: EventType):
    event = fired_event(SANDBOX, CLOCK, event_type, TENANT, 7)
    payload = EventPayload.model_validate(canonical.decode(event.body))
    assert (payload.type, payload.fired, payload.binding, payload.environment) == (event.type, True, False, "SANDBOX")
    assert (payload.at, payload.data.sequence) == ("2026-11-22T12:00:00.123Z", 7)
    assert payload.data.participant == (None if event_type.for_all else TENANT)
    assert 1 <= event_type.article <= 29
    assert event_type.zh
    assert event_type.en


def make_record(content: dict[str, object], kind: str = "participant.resumed") -> Record:
    record_id = new_id(SANDBOX, Kind.RECORD, NOW)
    actor = {"kind": "SYSTEM", "id": None, "participant": None, "certificate": None}
    fields = {
        "id": record_id,
        "kind": kind,
        "at": "2026-11-22T12:00:00.123Z",
        "actor": actor,
        "participant": TENANT,
        "subject": TENANT,
        "content": content,
    }
    data = records.compose(records.Marks.of(SANDBOX), fields)
    return Record(
        id=record_id,
        kind=kind,
        at=NOW,
        actor=Actor(CallerKind.SYSTEM, None, None, None),
        participant_id=TENANT,
        subject=TENANT,
        content=data.decode(),
        hash=canonical.digest(data),
        receipt="",
    )


def test_a_record_read_twice_is_the_same_event():
    record = make_record({"reference": "1"})
    assert event_of(SANDBOX, record, 3) == event_of(SANDBOX, record, 3)


def test_a_record_of_a_kind_that_is_not_listed_is_told_all_the_same():
    assert event_of(SANDBOX, make_record({}, "something.new"), 1).type == "something.new"


@pytest.mark.parametrize(("length", "told"), [(60_000, True), (65_000, False)])
def test_a_record_too_long_for_a_webhook_is_told_without_its_content(length: int, told: bool):
    event = event_of(SANDBOX, make_record({"text": "x" * length}), 1)
    assert json.loads(event.body)["data"]["content"] == ({"text": "x" * length} if told else None)


def test_a_subject_of_the_other_world_is_refused_and_one_that_is_no_id_too():
    other = dataclasses.replace(SANDBOX, id_prefix=SANDBOX.neighbour.id_prefix)
    event_type = EVENT_TYPES["certificate.issued"]
    with pytest.raises(EnvironmentMismatch):
        fired_event(SANDBOX, CLOCK, event_type, TENANT, 1, subject=new_id(other, Kind.CERTIFICATE, NOW))
    with pytest.raises(BadInput):
        fired_event(SANDBOX, CLOCK, event_type, TENANT, 1, subject="x")


@given(st.text(max_size=60))
def test_whatever_is_no_content_is_bad_input(text: str):
    with suppress(BadInput):
        assert isinstance(parse_content(text), dict)
