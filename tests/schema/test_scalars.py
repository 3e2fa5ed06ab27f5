"""Scalars: one way to write, and nothing half right comes in."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.scalars import parse_cursor, parse_date, parse_time, write_time
from service.errors import BadInput

FIRST, LAST = datetime(1000, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - hypothesis wants the bounds without a zone


@given(st.datetimes(timezones=st.timezones() | st.just(UTC), min_value=FIRST, max_value=LAST))
def test_a_time_reads_back_to_the_millisecond_in_utc(moment: datetime) -> None:
    text = write_time(moment)
    assert text.endswith("Z")
    assert abs(parse_time(text) - moment) < timedelta(milliseconds=1)
    assert parse_time(text).tzinfo is UTC


def test_an_offset_is_taken_into_account() -> None:
    assert parse_time("2026-01-31T16:00:00+08:00") == datetime(2026, 1, 31, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-31", "2026-01-31T08:00:00", "2026-01-31 08:00:00Z", "2026-02-30T08:00:00Z", "20260131T080000Z"),
        *(
            "0001-01-01T00:00:00+14:00",
            "2026-01-31T08:00:00.1234567Z",
            "２０２６-01-31T08:00:00Z",
            "2026-01-31T25:00:00Z",
        ),
        *("now", "", 7, None),
    ],
)
def test_what_is_no_time_with_an_offset_is_bad_input(text: object) -> None:
    with pytest.raises(BadInput):
        parse_time(text)


@given(st.text(max_size=30))
def test_no_text_makes_the_parsers_fail(text: str) -> None:
    for parse in (parse_time, parse_date, parse_cursor):
        try:
            parse(text)
        except BadInput:
            continue


def test_a_naive_time_is_never_written() -> None:
    with pytest.raises(ValueError, match="naive"):
        write_time(datetime(2026, 1, 1))  # noqa: DTZ001 - the fault is the point


def test_another_zone_is_written_in_utc() -> None:
    assert write_time(datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))) == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("text", ["2026-1-1", "2026-02-30", "20260101", "2026-01-01T00:00:00Z", "", 20260101])
def test_what_is_no_day_is_bad_input(text: object) -> None:
    with pytest.raises(BadInput):
        parse_date(text)


def test_a_day_is_a_day() -> None:
    assert parse_date("2026-01-31") == date(2026, 1, 31)
