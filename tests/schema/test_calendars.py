"""The calendar of what expires when: asked over GraphQL, and followed over HTTP as a calendar program does."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta

import pytest

from tests.databases import open_world
from tests.schema.counters import Counter, open_counter
from tests.schema.hosting import open_hosted
from tests.service.certifying import SEAL

pytestmark = pytest.mark.wire

CALENDAR = """query ($days: Int!, $of: ID) { expiryCalendar(days: $days, participantId: $of) {
    day certificates { id profile notAfter } } }"""
GIVE_OUT = """mutation { it: giveOutCalendar(input: {}) { calendar { id url } refusals { code } } }"""
WITHDRAW = """mutation ($id: ID!) { it: withdrawCalendar(input: {calendarId: $id}) {
    calendar { id url withdrawnAt } refusals { code } } }"""


@pytest.fixture
async def counter(wire_uri: str) -> AsyncIterator[Counter]:
    async with open_counter(wire_uri) as counter:
        yield counter


async def test_each_day_is_told_with_what_ends_on_it_in_shanghai(counter: Counter) -> None:
    login = await counter.desk.issue(counter.administrator)
    seal = await counter.desk.issue(counter.administrator, profile=SEAL)
    counter.desk.pass_days(5)
    theirs = await counter.desk.issue(counter.stranger)
    counter.desk.pass_days(300)
    ours = (await counter.data(CALENDAR, "admin", days=90))["expiryCalendar"]
    day = (datetime.fromisoformat(ours[0]["certificates"][0]["notAfter"]) + timedelta(hours=8)).date()
    assert [(each["day"], [one["id"] for one in each["certificates"]]) for each in ours] == [
        (day.isoformat(), [login.id, seal.id])
    ]
    whole = (await counter.data(CALENDAR, "officer", days=90))["expiryCalendar"]
    assert [[one["id"] for one in each["certificates"]] for each in whole] == [[login.id, seal.id], [theirs.id]]
    assert (await counter.data(CALENDAR, "officer", days=61))["expiryCalendar"] == ours
    foreign = counter.stranger.participant_id
    assert (await counter.data(CALENDAR, "admin", days=90, of=foreign))["expiryCalendar"] == []
    answer = await counter.served.ask(CALENDAR, "admin", days=399)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def events(text: str) -> dict[str, dict[str, str]]:
    """The events of an iCalendar text by UID, read strictly: RFC 5545, 3.1 and 3.6.1."""
    lines = text.removesuffix("\r\n").replace("\r\n ", "").split("\r\n")
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    assert {"VERSION:2.0", "CALSCALE:GREGORIAN"} < set(lines)
    assert "\n" not in "".join(lines)
    found: dict[str, dict[str, str]] = {}
    event: dict[str, str] | None = None
    for line in lines[1:-1]:
        name, colon, value = line.partition(":")
        assert colon, line
        match name, value:
            case "BEGIN", "VEVENT":
                assert event is None
                event = {}
            case "END", "VEVENT":
                assert event is not None
                assert event.keys() >= {"UID", "DTSTAMP", "DTSTART", "SUMMARY"}
                assert event["UID"] not in found
                found[event["UID"]], event = event, None
            case _ if event is not None:
                key, _, parameters = name.partition(";")
                assert parameters in {"", "VALUE=DATE"}
                event[key] = value
    return found


async def test_a_calendar_program_follows_the_address_that_graphql_gave_out(wire_uri: str) -> None:
    async with open_world(wire_uri) as world, open_hosted(wire_uri, world) as hosted:
        await hosted.publish_agreement()
        person = await hosted.certify(*await hosted.open_participant())
        calendar = (await hosted.data(GIVE_OUT, person))["it"]["calendar"]
        feed = await hosted.client.get(calendar["url"])  # with no login: the address is the key
        assert (feed.status_code, feed.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
        told = events(feed.text)
        (day,) = (await hosted.data(CALENDAR, person, days=398))["expiryCalendar"]
        ends = told[f"{person.certificate.id}-end@PROP"]
        assert ends["DTSTART"] == day["day"].replace("-", "")
        assert ends["DTEND"] == f"{date.fromisoformat(day['day']) + timedelta(days=1):%Y%m%d}"
        assert told.keys() == {f"{person.certificate.id}-{what}@PROP" for what in ("renewal", "end")}
        again = events((await hosted.client.get(calendar["url"])).text)
        assert again.keys() == told.keys(), "an event keeps its UID, or calendars would show it twice"
        gone = (await hosted.data(WITHDRAW, person, id=calendar["id"]))["it"]["calendar"]
        assert (gone["url"], gone["withdrawnAt"] is None) == (None, False)
        assert (await hosted.client.get(calendar["url"])).status_code == 404
