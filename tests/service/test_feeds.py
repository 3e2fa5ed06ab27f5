"""Feeds: one stream for all, nobody waited for; filters mean in process what they mean in the database."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.access import ANONYMOUS, Caller, OperatorRole, Permission
from service.change_feeds import OperatorFeed
from service.errors import BadInput, Unauthenticated
from service.feeds import FellBehind, Follower
from service.identifiers import Kind, new_id
from service.integrator import Integrator
from service.operators import Operator, OperatorStatus
from service.record_feed import RecordFeed
from service.records import Actor, Record, RecordFilter, matches
from service.storage.database import Database
from service.storage.operators import OperatorFilter, OperatorStore, fits, operator_query
from service.storage.records import RECORDS, RecordStore, _fields
from service.world import PRODUCTION
from tests.databases import make_database
from tests.service.institutions import Institutions, caller_for
from tests.service.records import KEYS, OPERATOR, OTHER_PARTICIPANT, PARTICIPANT, make_service, write_record
from tests.waiting import until

T = TypeVar("T")
AT = datetime(2026, 11, 22, 8, tzinfo=UTC)


async def test_a_follower_that_takes_nothing_is_ended_after_what_it_has_and_the_others_are_not() -> None:
    slow, fast = (Follower[int](lambda event: True, 3) for _ in range(2))
    got = []
    for event in range(10):
        slow.offer(event)
        fast.offer(event)
        got.append(await fast.take())
    assert got == list(range(10))
    assert [await slow.take() for _ in range(3)] == [0, 1, 2]
    with pytest.raises(FellBehind):
        await slow.take()


async def test_a_filter_that_cannot_be_asked_ends_its_follower_and_not_the_feed() -> None:
    def wants(_: int) -> bool:
        raise BadInput("no such text")

    broken = Follower[int](wants, 3)
    broken.offer(1)
    broken.offer(2)
    with pytest.raises(BadInput):
        await broken.take()


@pytest.mark.wire
async def test_operators_are_not_followed_by_a_text_of_no_use(wire_database: Database) -> None:
    feed = OperatorFeed(wire_database)
    with pytest.raises(BadInput):
        await anext(feed.follow(current_caller, OperatorFilter(text=" ")))
    assert not feed._followers


@pytest.mark.wire
async def test_who_may_not_follow_is_told_so_before_a_filter_is_looked_at(wire_database: Database) -> None:
    async def nobody() -> Caller:
        return ANONYMOUS

    with pytest.raises(Unauthenticated):
        await anext(OperatorFeed(wire_database).follow(nobody, OperatorFilter(text=" ")))


@pytest.mark.wire
async def test_a_slow_follower_of_records_is_ended_and_goes_on_after_the_last_it_got(wire_database: Database) -> None:
    service = make_service(wire_database)
    feed = RecordFeed(wire_database, service, RecordStore(wire_database), most_waiting=2)
    integrator = Integrator(wire_database.world, KEYS, wire_database)
    jobs = [asyncio.create_task(feed.run()), asyncio.create_task(integrator.run())]
    try:
        slow = feed.follow(current_caller, RecordFilter())
        begun = asyncio.ensure_future(anext(slow))
        await until(lambda: bool(feed._followers))
        written = [(await write_record(wire_database, service, number=number)).id for number in range(6)]
        received = [(await begun).id]
        await until(lambda: feed._position == len(written))
        with pytest.raises(FellBehind):
            await collect(slow, received)
        assert received == written[: len(received)]
        assert len(received) < 6
        again = feed.follow(current_caller, RecordFilter(), after=received[-1])
        received += [(await anext(again)).id for _ in range(6 - len(received))]
        await again.aclose()
        assert received == written
        assert not feed._followers
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


async def collect(following: AsyncGenerator[Record], received: list[str]) -> None:
    async for record in following:
        received += [record.id]  # at once: what came before an error counts


async def current_caller() -> Caller:
    return replace(OPERATOR, role=OperatorRole.AUDITOR, permissions=frozenset(Permission))


@pytest.mark.wire
async def test_an_operator_that_was_only_seen_is_no_change(wire_database: Database) -> None:
    platform = Institutions(wire_database)
    _, administrator = await platform.open()
    feed = OperatorFeed(wire_database)
    job = asyncio.create_task(feed.run())
    try:

        async def current() -> Caller:
            return caller_for(administrator)

        following = feed.follow(current, OperatorFilter())
        first = asyncio.ensure_future(anext(following))
        await until(lambda: bool(feed._followers))
        await OperatorStore(wire_database).saw(administrator.id, AT)
        registered = await platform.register(administrator, "000007")
        assert (await asyncio.wait_for(first, 5)).id == registered.id
        await following.aclose()
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


# --- a filter in process finds what the query finds


def make_record(number: int, kind: str, subject: str | None, actor: str | None, participant: str | None) -> Record:
    at = AT + timedelta(milliseconds=number)
    return Record(
        id=new_id(PRODUCTION, Kind.RECORD, at),
        kind=kind,
        at=at,
        actor=Actor(OPERATOR.kind, actor, participant, None),
        participant_id=participant,
        subject=subject,
        content="{}",
        hash="0" * 64,
        receipt="",
    )


KINDS = st.sampled_from(["operator", "operator.offboarded", "operator.sms.subscribed", "operators.x", "login.accepted"])
NAMES = st.sampled_from(["a", "b"])
PARTICIPANTS = st.sampled_from([PARTICIPANT, OTHER_PARTICIPANT])
TIMES = st.integers(-1_500, 4_500).map(lambda microseconds: AT + timedelta(microseconds=microseconds))
RECORD_LISTS = st.lists(st.tuples(KINDS, NAMES | st.none(), NAMES | st.none(), PARTICIPANTS | st.none()), max_size=4)
RECORD_FILTERS = st.builds(
    RecordFilter,
    subject=NAMES | st.none(),
    actor=NAMES | st.none(),
    kind=st.sampled_from(["operator", "operator.sms", "login", "log"]) | st.none(),
    participant_id=PARTICIPANTS | st.none(),
    since=TIMES | st.none(),
    until=TIMES | st.none(),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(RECORD_LISTS, RECORD_FILTERS)
def test_a_record_filter_finds_the_same_here_and_there(drawn: list[tuple[str, str, str, str]], wanted: RecordFilter):
    records = [make_record(place, *each) for place, each in enumerate(drawn)]

    async def stored() -> list[str]:
        database = make_database()
        if records:
            await database.collection(RECORDS).insert_many([_fields(each) for each in records])
        query = RecordStore(database)._query(wanted)
        return [each["_id"] async for each in database.collection(RECORDS).find(query)]

    assert set(asyncio.run(stored())) == {each.id for each in records if matches(wanted, each)}


OPERATORS_DRAWN = st.lists(
    st.builds(
        Operator,
        id=st.uuids().map(str),
        version=st.just(1),
        participant_id=PARTICIPANTS,
        operator_number=st.sampled_from(["000001", "100001"]),
        name=st.sampled_from(["张三", "Zhang San", "三 1"]),
        role=st.sampled_from(OperatorRole),
        status=st.sampled_from(OperatorStatus),
        permissions=st.lists(st.sampled_from(Permission), max_size=2, unique=True).map(tuple),
        telephone=st.none(),
        registered_at=st.just(AT),
        last_seen_at=TIMES.map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)) | st.none(),
    ),
    max_size=4,
)
OPERATOR_FILTERS = st.builds(
    OperatorFilter,
    participant_id=PARTICIPANTS | st.none(),
    status=st.sampled_from(OperatorStatus) | st.none(),
    role=st.sampled_from(OperatorRole) | st.none(),
    permission=st.sampled_from(Permission) | st.none(),
    text=st.sampled_from(["三", "zhang", "1", "100001", "n s", "四"]) | st.none(),
    telephone_index=st.just("x") | st.none(),
    seen_before=st.just(AT + timedelta(milliseconds=1)) | st.none(),
    seen_from=st.just(AT) | st.none(),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(OPERATORS_DRAWN, OPERATOR_FILTERS)
def test_an_operator_filter_finds_the_same_here_and_there(operators: list[Operator], wanted: OperatorFilter):
    async def stored() -> list[str]:
        store = OperatorStore(make_database())
        for each in operators:
            await store.insert(None, each)
        return [each["_id"] async for each in store.collection.find(operator_query(wanted, None))]

    assert set(asyncio.run(stored())) == {each.id for each in operators if fits(each, wanted)}
