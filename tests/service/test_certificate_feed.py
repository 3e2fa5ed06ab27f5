"""The feed of certificates: each change once, also what happened while the stream was away, to whoever may see it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.access import Caller, Permission
from service.certificates import Certificate, CertificateState, CertificateValidity
from service.change_feeds import CertificateFeed
from service.errors import Forbidden
from service.feeds import CurrentCaller
from service.pki.profiles import Profile
from service.storage.certificates import CertificateFilter, CertificateStore, certificate_query, fits
from service.storage.database import Database
from tests.databases import make_database
from tests.service.certifying import Certifying, ask
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, caller_for
from tests.waiting import until

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


@asynccontextmanager
async def running(feed: CertificateFeed) -> AsyncIterator[None]:
    job = asyncio.create_task(feed.run())
    try:
        await asyncio.wait_for(feed._open.wait(), 20)
        yield
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


def being(caller: Caller) -> CurrentCaller:
    async def current() -> Caller:
        return caller

    return current


async def following(
    feed: CertificateFeed, current: CurrentCaller, wanted: CertificateFilter
) -> tuple[AsyncGenerator[Certificate], "asyncio.Future[Certificate]"]:
    """A follower that is there, and its first event to come."""
    follower, before = feed.follow(current, wanted), len(feed._followers)
    first = asyncio.ensure_future(anext(follower))
    await until(lambda: len(feed._followers) > before or first.done())
    return follower, first


@pytest.mark.wire
async def test_every_state_is_told_to_the_depository_and_to_whose_it_is_alone(desk: Certifying) -> None:
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    feed = CertificateFeed(desk.database, desk.clock)
    async with running(feed):
        everything = CertificateFilter()
        own, first = await following(feed, being(caller_for(administrator)), everything)
        _, others = await following(feed, being(caller_for(stranger)), everything)
        depository, told = await following(feed, being(OFFICER), everything)
        certificate = await desk.issue(administrator)
        await desk.certificates.hold(OFFICER, certificate.id)
        got = [await first, await anext(own), await anext(own), await anext(own)]
        assert [(each.state, each.intent is not None) for each in got] == [
            (CertificateState.REQUESTED, False),
            (CertificateState.REQUESTED, True),
            (CertificateState.ISSUED, False),
            (CertificateState.HELD, False),
        ]
        assert [await told, *[await anext(depository) for _ in range(3)]] == got
        theirs = await desk.issue(stranger)
        assert (await others).id == theirs.id, "nothing came before their own"


@pytest.mark.wire
async def test_a_registrars_certificate_is_told_to_the_depository_alone(desk: Certifying) -> None:
    _, administrator = await desk.open()
    feed = CertificateFeed(desk.database, desk.clock)
    async with running(feed):
        issued = CertificateFilter(state=CertificateState.ISSUED)
        _, own = await following(feed, being(caller_for(administrator)), issued)
        _, told = await following(feed, being(OFFICER), issued)
        _, certificate = await desk.certified_registrar()
        assert (await told).id == certificate.id
        mine = await desk.issue(administrator)
        assert (await own).id == mine.id


@pytest.mark.wire
async def test_what_happened_while_the_stream_was_away_is_told_when_it_is_back(desk: Certifying) -> None:
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    feed = CertificateFeed(desk.database, desk.clock)
    async with running(feed):
        follower, first = await following(feed, being(OFFICER), CertificateFilter())
        await desk.certificates.hold(OFFICER, certificate.id)
        assert (await first).state is CertificateState.HELD
    await desk.certificates.release(OFFICER, certificate.id)
    async with running(feed):
        assert (await anext(follower)).state is CertificateState.ISSUED
        await follower.aclose()
    assert not feed._followers


@pytest.mark.wire
async def test_who_may_not_read_certificates_any_more_is_told_none(desk: Certifying) -> None:
    _, administrator = await desk.open()
    callers = [caller_for(administrator)]

    async def current() -> Caller:
        return callers[-1]

    feed = CertificateFeed(desk.database, desk.clock)
    async with running(feed):
        _, first = await following(feed, current, CertificateFilter())
        permissions = callers[0].permissions - {Permission.CERTIFICATE_READ}
        callers.append(replace(callers[0], permissions=permissions))
        await desk.requests.request(REVIEWER, ask(administrator))
        with pytest.raises(Forbidden):
            await first


NAMES = st.sampled_from(["a", "b"])
STATES = st.sampled_from(CertificateState)
DAYS = st.integers(-30, 30).map(lambda days: AT + timedelta(days=days))
CERTIFICATES = st.lists(
    st.builds(
        Certificate,
        id=st.uuids().map(str),
        version=st.just(1),
        profile=st.sampled_from(Profile),
        state=STATES,
        subject=st.just("CN=x"),
        issuer=NAMES,
        serial_number=st.uuids().map(lambda each: each.hex.upper()) | st.sampled_from(["A1"]),
        fingerprint=st.uuids().map(str),
        not_before=DAYS,
        not_after=DAYS,
        participant_id=NAMES | st.none(),
        operator_id=st.uuids().map(str) | st.just("a"),
        registrar_id=NAMES | st.none(),
        registered_at=st.just(AT),
    ),
    max_size=4,
    unique_by=(lambda each: each.operator_id, lambda each: each.serial_number),
)
FILTERS = st.builds(
    CertificateFilter,
    participant_id=NAMES | st.none(),
    operator_id=st.just("a") | st.none(),
    registrar_id=NAMES | st.none(),
    profile=st.sampled_from(Profile) | st.none(),
    state=STATES | st.none(),
    validity=st.sampled_from(CertificateValidity) | st.none(),
    issuer=NAMES | st.none(),
    serial_number=st.just("A1") | st.none(),
    expires_from=DAYS | st.none(),
    expires_before=DAYS | st.none(),
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(CERTIFICATES, FILTERS)
def test_a_filter_finds_the_same_here_and_there(drawn: list[Certificate], wanted: CertificateFilter) -> None:
    dated = [replace(each, not_before=min(each.not_before, each.not_after)) for each in drawn]

    async def stored() -> list[str]:
        store = CertificateStore(make_database())
        for each in dated:
            await store.insert(None, each)
        return [each["_id"] async for each in store.collection.find(certificate_query(wanted, None, AT))]

    assert set(asyncio.run(stored())) == {each.id for each in dated if fits(each, wanted, AT)}
