"""Records over the wire: written with the act or not at all, found by those whom they concern, proved offline."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import WriteError
from pymongo.monitoring import CommandListener, CommandStartedEvent

from service.access import SYSTEM
from service.errors import BadInput, EnvironmentMismatch
from service.evidence import canonical, receipts
from service.evidence.errors import Malformed
from service.evidence.verify import verify_record
from service.identifiers import parse_id
from service.integrator import Integrator
from service.pagination import BY_ID, LATEST_FIRST, PageRequest
from service.records import Record, RecordFilter
from service.storage.database import Database, Session
from service.storage.log import LogStore
from service.storage.records import RECORDS
from service.world import PRODUCTION
from tests.databases import open_wire_database, raw_client
from tests.service.records import (
    KEYS,
    OPERATOR,
    OTHER_PARTICIPANT,
    PARTICIPANT,
    REGISTRAR,
    STRANGER,
    SteppingClock,
    list_records,
    make_service,
    write_record,
)

pytestmark = pytest.mark.wire


async def integrate(database: Database) -> None:
    store = LogStore(database)
    await store.found()
    state = await store.find_state()
    assert state is not None
    state = await store.take(state, "test")
    integrator = Integrator(database.world, KEYS, database)
    while (following := await integrator.append_batch(state)) is not None:
        state = following


async def test_a_record_says_who_did_what_when_for_whom_and_in_which_world(wire_database: Database) -> None:
    service = make_service(wire_database)
    record = await write_record(wire_database, service, number=7)
    assert json.loads(record.content) == {
        "actor": {"kind": "OPERATOR", "id": OPERATOR.id, "participant": PARTICIPANT, "certificate": "ab" * 32},
        "at": "2026-11-22T08:00:01.000Z",
        "binding": True,
        "content": {"number": 7},
        "environment": "PRODUCTION",
        "id": record.id,
        "kind": "operator.offboarded",
        "notice": None,
        "participant": PARTICIPANT,
        "subject": record.subject,
        "version": 1,
    }
    assert record.hash == canonical.digest(record.content.encode())
    assert receipts.verify(record.receipt, KEYS.receipt_keys()) == record.content.encode()
    assert await service.find(OPERATOR, record.id) == record


async def test_a_record_of_an_act_that_fails_is_not_kept_nor_queued(wire_database: Database) -> None:
    service = make_service(wire_database)
    written: list[Record] = []

    async def work(session: Session) -> None:
        written.append(await service.write(OPERATOR, session, "operator.frozen", None, PARTICIPANT, {}))
        raise BadInput("the act fails after its record")

    with pytest.raises(BadInput):
        await wire_database.transaction(work)
    assert await service.get_many(REGISTRAR, [written[0].id]) == [None]
    assert await LogStore(wire_database).oldest_queued() is None


async def test_a_content_without_canonical_form_undoes_the_act(wire_database: Database) -> None:
    service = make_service(wire_database)

    async def work(session: Session) -> None:
        await service.write(OPERATOR, session, "operator.frozen", None, PARTICIPANT, {"amount": 0.1})

    with pytest.raises(Malformed):
        await wire_database.transaction(work)


async def test_a_participant_sees_its_own_records_the_registrar_all_and_others_none(wire_database: Database) -> None:
    service = make_service(wire_database)
    mine = await write_record(wire_database, service)
    theirs = await write_record(wire_database, service, STRANGER, participant=OTHER_PARTICIPANT)
    about_me = await write_record(wire_database, service, REGISTRAR, "participant.suspended", PARTICIPANT)
    nobodys = await write_record(wire_database, service, REGISTRAR, "agreement.published", None, None)
    every = [mine, theirs, about_me, nobodys]
    seen = {
        OPERATOR: [mine, about_me],
        STRANGER: [theirs],
        REGISTRAR: every,
        SYSTEM: every,
    }
    for caller, expected in seen.items():
        assert await list_records(service, caller) == expected
        assert await service.count(caller, RecordFilter()) == len(expected)
        got = await service.get_many(caller, [each.id for each in every])
        assert [each for each in got if each] == expected
        assert got == [each if each in expected else None for each in every]
        proofs = await service.proofs_of(caller, [each.id for each in every])
        assert proofs == [None] * 4
    for wanted in (RecordFilter(participant_id=OTHER_PARTICIPANT), RecordFilter(actor=STRANGER.id)):
        assert await list_records(service, OPERATOR, wanted) == []
        assert await list_records(service, REGISTRAR, wanted) == [theirs]


async def test_filters_find_by_subject_actor_beginning_of_kind_and_time(wire_database: Database) -> None:
    service = make_service(wire_database)
    first = await write_record(wire_database, service, kind="operator.registered", subject="live-op-1")
    second = await write_record(wire_database, service, kind="operator.frozen", subject="live-op-2")
    third = await write_record(wire_database, service, REGISTRAR, "operators.counted", "live-op-1")
    expected = {
        RecordFilter(subject="live-op-1"): [first, third],
        RecordFilter(actor=REGISTRAR.id): [third],
        RecordFilter(kind="operator"): [first, second],
        RecordFilter(kind="operator.frozen"): [second],
        RecordFilter(kind="oper"): [],
        RecordFilter(since=second.at): [second, third],
        RecordFilter(until=second.at): [first],
        RecordFilter(since=second.at, until=third.at): [second],
        RecordFilter(since=third.at + timedelta(milliseconds=1)): [],
        RecordFilter(subject="live-op-1", kind="operator", actor=OPERATOR.id, until=third.at): [first],
    }
    for caller in (REGISTRAR, OPERATOR):
        for wanted, found in expected.items():
            assert await list_records(service, caller, wanted) == found, wanted
            assert await list_records(service, caller, wanted, latest_first=True) == found[::-1], wanted


async def test_pages_join_without_gap_or_overlap_in_both_directions(wire_database: Database) -> None:
    service = make_service(wire_database)
    written = [await write_record(wire_database, service, number=number) for number in range(7)]
    wanted = RecordFilter(since=written[1].at, until=written[6].at)
    for order in (BY_ID, LATEST_FIRST):
        for backward in (False, True):
            request, got, more = PageRequest(order, 2, None, backward), list[Record](), True
            while more:
                page = await service.page(OPERATOR, wanted, request)
                got = [*page.items, *got] if backward else [*got, *page.items]
                more = page.has_previous if backward else page.has_next
                request = PageRequest(order, 2, page.positions[0 if backward else -1], backward)
            assert got == (written[1:6] if order is BY_ID else written[5:0:-1])


async def test_ids_of_the_other_world_and_of_other_things_are_refused(wire_database: Database) -> None:
    service = make_service(wire_database)
    foreign = "sbx-rec-01K9ZZZZZZZZZZZZZZZZZZZZZZ"
    with pytest.raises(EnvironmentMismatch):
        await service.find(OPERATOR, foreign)
    with pytest.raises(BadInput):
        await service.find(OPERATOR, "live-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ")


async def test_an_integrated_record_is_proved_offline_by_what_the_service_answers(wire_database: Database) -> None:
    service = make_service(wire_database)
    written = [await write_record(wire_database, service, number=number) for number in range(5)]
    await integrate(wire_database)
    proofs = await service.proofs_of(OPERATOR, [each.id for each in reversed(written)])
    for record, proof in zip(reversed(written), proofs, strict=True):
        assert proof is not None
        file = {
            "content": record.content,
            "hash": record.hash,
            "receipt": record.receipt,
            "proof": dataclasses.asdict(proof),
        }
        verified = verify_record(
            json.dumps(file).encode(),
            world=wire_database.world,
            keys=KEYS.receipt_keys(),
            log=KEYS.log_verifier(wire_database.world.log_origin),
        )
        assert (verified.record["id"], verified.checkpoint.size) == (record.id, 5)
    assert await service.proofs_of(STRANGER, [written[0].id]) == [None]


async def test_the_database_itself_refuses_a_record_that_binds_in_another_world(wire_uri: str) -> None:
    async with open_wire_database(wire_uri) as database:
        record = await write_record(database, make_service(database))
        with raw_client(wire_uri) as client:
            collection = client[database.world.evidence_database]["records"]
            stored = collection.find_one({"_id": record.id})
            assert stored is not None
            with pytest.raises(WriteError):
                collection.insert_one(stored | {"_id": "sbx-rec-1", "environment": "SANDBOX", "binding": False})


class Commands(CommandListener):
    def __init__(self) -> None:
        self.finds: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "find" and event.command["find"] == RECORDS.name:
            kept = ("find", "filter", "sort", "limit", "hint")
            self.finds.append({name: event.command[name] for name in kept if name in event.command})

    def succeeded(self, event: object) -> None: ...
    def failed(self, event: object) -> None: ...


@pytest.mark.parametrize(
    "wanted",
    [
        RecordFilter(),
        RecordFilter(subject="live-op-1"),
        RecordFilter(actor="live-op-1"),
        RecordFilter(kind="operator"),
        RecordFilter(since=SteppingClock().now()),
        RecordFilter(kind="operator", since=SteppingClock().now()),
        RecordFilter(kind="operator", actor="live-op-1", subject="live-op-1", until=SteppingClock().now()),
    ],
)
async def test_every_query_for_records_walks_an_index_in_the_order_of_its_page(
    wire_uri: str, wanted: RecordFilter
) -> None:
    commands = Commands()
    async with open_wire_database(wire_uri, listeners=[commands]) as database:
        service = make_service(database)
        for number in range(3):
            await write_record(database, service, number=number)
        for caller in (OPERATOR, REGISTRAR):
            await service.page(caller, wanted, PageRequest(LATEST_FIRST, 2, (f"live-rec-{'7' + 'Z' * 25}",)))
        assert len(commands.finds) == 2
        with raw_client(wire_uri) as client:
            for find in commands.finds:
                plan = client[database.world.evidence_database].command("explain", find, verbosity="queryPlanner")
                stages = json.dumps(plan["queryPlanner"]["winningPlan"], default=str)
                *fixed, last = find["hint"]
                assert last == "_id"
                filtered = find["filter"]["$and"][0] if "$and" in find["filter"] else find["filter"]
                assert set(fixed) <= filtered.keys()
                assert fixed or filtered.keys() <= {"_id"}  # an index, or the whole in the order of ids
                assert not fixed or "IXSCAN" in stages, (find, stages)


def test_the_ids_of_test_callers_are_ids() -> None:
    for each in (PARTICIPANT, OTHER_PARTICIPANT, OPERATOR.id, STRANGER.id, REGISTRAR.id):
        parse_id(PRODUCTION, str(each))
