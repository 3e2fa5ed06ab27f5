"""Faults: what may be set, what chance makes of shares, and how every process comes to know."""

import asyncio
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.scenarios.fault_keeping import FaultKeeping
from sandbox.scenarios.faults import (
    BEGINNING,
    NO_FAULTS,
    Faults,
    FaultSetting,
    FaultTable,
    Outage,
    everywhere,
    parse_faults,
)
from sandbox.storage.faults import FaultStore
from service.errors import BadInput
from tests.sandbox.opening import opened_sandbox, prepared_settings


def then() -> datetime:
    return BEGINNING


def test_what_is_left_out_does_not_happen():
    assert parse_faults({}) == NO_FAULTS
    assert parse_faults({"late_events": 5, "latency_ms": None}) == Faults(late_events=5)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"late_events": 101}, "late_events"),
        ({"late_events": -1}, "late_events"),
        ({"late_events": True}, "late_events"),
        ({"latency_ms": 10_001}, "latency_ms"),
        ({"meteors": 1}, "meteors"),
        ({"rate_limited": 60, "unavailable": 41}, "rate_limited"),
    ],
)
def test_what_is_no_share_is_refused_by_name(given: dict[str, int], field: str):
    with pytest.raises(BadInput, match=field):
        parse_faults(given)


@given(st.dictionaries(st.sampled_from([*asdict(NO_FAULTS), "other"]), st.integers(-5, 20_000)))
def test_whatever_is_given_becomes_faults_or_is_refused(given: dict[str, int]):
    try:
        faults = parse_faults(given)
    except BadInput:
        return
    assert {name: asdict(faults)[name] for name in given} == given


def test_one_seed_brings_the_same_faults_and_about_as_many_as_asked_for():
    one, other = FaultTable(then, seed=7), FaultTable(then, seed=7)
    drawn = [one.happens(10) for _ in range(2_000)]
    assert drawn == [other.happens(10) for _ in range(2_000)]
    assert 120 <= sum(drawn) <= 280


def test_what_never_or_always_happens_is_not_left_to_chance():
    table, untouched = FaultTable(then, seed=7), FaultTable(then, seed=7)
    assert not any(table.happens(0) for _ in range(100))
    assert all(table.happens(100) for _ in range(100))
    assert table.choose(rate_limited=0, unavailable=0) is None
    assert [table.happens(50) for _ in range(64)] == [untouched.happens(50) for _ in range(64)]


def test_of_faults_that_exclude_each_other_one_happens_or_none():
    table = FaultTable(then, seed=3)
    drawn = [table.choose(rate_limited=20, unavailable=30) for _ in range(2_000)]
    assert 300 <= drawn.count("rate_limited") <= 500
    assert 480 <= drawn.count("unavailable") <= 720
    assert set(drawn) == {None, "rate_limited", "unavailable"}


def test_who_sets_nothing_has_the_default_and_who_sets_none_has_none():
    table = FaultTable(then, everywhere(3))
    table.learn([FaultSetting(id="a", faults=NO_FAULTS, set_at=BEGINNING)])
    assert table.of("a") == NO_FAULTS
    assert table.of("b") == table.of(None) == everywhere(3)
    assert everywhere(3).latency_ms == 0


def test_an_older_setting_never_replaces_a_newer_one():
    table = FaultTable(then)
    newer = FaultSetting(id="a", faults=Faults(latency_ms=5), set_at=BEGINNING + timedelta(seconds=1))
    table.learn([newer, FaultSetting(id="a", faults=NO_FAULTS, set_at=BEGINNING)])
    assert table.of("a") == Faults(latency_ms=5)


def test_an_outage_stands_in_for_what_is_set_until_its_time_is_over():
    now = BEGINNING
    table = FaultTable(lambda: now)
    outage = Outage(faults=Faults(unavailable=100), until=BEGINNING + timedelta(seconds=3))
    table.learn([FaultSetting(id="a", faults=Faults(latency_ms=5), set_at=BEGINNING, outage=outage)])
    table.learn([FaultSetting(id="b", faults=None, set_at=BEGINNING, outage=outage)])
    assert table.of("a") == table.of("b") == Faults(unavailable=100)
    assert table.anybody_wants("unavailable")
    now += timedelta(seconds=3)
    assert (table.of("a"), table.of("b")) == (Faults(latency_ms=5), NO_FAULTS)
    assert not table.anybody_wants("unavailable")


@pytest.mark.wire
async def test_an_outage_outlives_neither_its_time_nor_what_is_set_meanwhile(wire_uri: str, tmp_path: Path):
    async with prepared_settings(wire_uri, tmp_path) as settings:
        async with opened_sandbox(settings) as sandbox:
            keeping = sandbox.fault_keeping
            await keeping.set("one", Faults(latency_ms=5))
            await keeping.begin_outage("one", Faults(unavailable=100), timedelta(hours=1))
            assert await keeping.set("one", Faults(latency_ms=6)) == Faults(unavailable=100)
            await keeping.begin_outage("two", Faults(unavailable=100), timedelta(milliseconds=1))
        async with opened_sandbox(settings) as again:  # as after a process that was killed
            assert again.faults.of("one") == Faults(unavailable=100)
            assert again.faults.of("two") == NO_FAULTS
            await again.fault_keeping.end_outage("one")
            assert again.faults.of("one") == Faults(latency_ms=6)
            await again.fault_keeping.end_outage("three")
            assert await FaultStore(again.database).find("three") is None


@pytest.mark.wire
async def test_what_one_process_sets_and_clears_another_learns_and_a_restart_finds(wire_uri: str, tmp_path: Path):
    async with prepared_settings(wire_uri, tmp_path) as settings:
        async with opened_sandbox(settings) as sandbox:
            other = FaultTable(sandbox.clock.now)
            keeping = FaultKeeping(other, FaultStore(sandbox.database), sandbox.clock.now)
            await sandbox.fault_keeping.set("one", Faults(late_events=9))
            await sandbox.fault_keeping.set("two", Faults(latency_ms=70))
            await keeping.learn_latest()
            assert (other.of("one"), other.of("two")) == (Faults(late_events=9), Faults(latency_ms=70))
            await sandbox.fault_keeping.clear("one")
            await keeping.learn_latest()
            assert other.of("one") == NO_FAULTS
        async with opened_sandbox(settings) as again:
            assert again.faults.of("two") == Faults(latency_ms=70)
            await again.fault_keeping.forget("two")
            assert again.faults.of("two") == NO_FAULTS
            assert await FaultStore(again.database).find("two") is None


@pytest.mark.wire
async def test_what_is_set_while_an_outage_begins_or_ends_undoes_neither(wire_uri: str, tmp_path: Path):
    async with prepared_settings(wire_uri, tmp_path) as settings, opened_sandbox(settings) as sandbox:
        keeping, store = sandbox.fault_keeping, FaultStore(sandbox.database)
        for number in range(10):
            tenant, ours = str(number), Faults(latency_ms=number + 1)
            await asyncio.gather(
                keeping.begin_outage(tenant, Faults(unavailable=100), timedelta(hours=1)), keeping.set(tenant, ours)
            )
            both = await store.find(tenant)
            assert both is not None
            assert (both.faults, both.outage is not None) == (ours, True)
            await asyncio.gather(keeping.end_outage(tenant), keeping.clear(tenant))
            neither = await store.find(tenant)
            assert neither is not None
            assert (neither.faults, neither.outage) == (None, None)
            assert sandbox.faults.of(tenant) == NO_FAULTS
