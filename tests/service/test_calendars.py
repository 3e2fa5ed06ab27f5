"""The calendar feed: what a calendar program reads, at an address that only its participant can give out."""

import re
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from service.calendar_service import CalendarService
from service.calendars import calendar_text, token_of
from service.http.calendars import calendar_routes
from service.http.rate_limits import TokenBuckets
from service.http.requests import Requests
from service.operators import OffboardReason
from service.refusals import RefusalCode, Refused
from service.storage.calendars import CalendarStore
from service.storage.database import Database
from service.world import PRODUCTION
from tests.databases import NEIGHBOUR
from tests.service.certifying import Certifying
from tests.service.institutions import BREACH, OFFICER, OTHER_USCC, caller_for
from tests.service.test_certificate_rules import AT, ISSUED

URL = "https://prop.example.org"


class Meter:
    def request(self, *_: object) -> None: ...

    def limit_hit(self, *_: object) -> None: ...


def unfolded(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")


def test_lines_are_short_and_unfold_to_what_was_written() -> None:
    name = "东方测试证券股份有限公司,分公司;A\\B\n第二行" * 3
    text = calendar_text(PRODUCTION, name, [ISSUED], AT)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    title = next(line for line in unfolded(text) if line.startswith("X-WR-CALNAME:")).partition(":")[2]
    plain = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], title)
    assert plain == f"PROP {name}"


def test_each_certificate_is_two_days_of_the_calendar_in_shanghai() -> None:
    late = replace(ISSUED, not_after=ISSUED.not_after.replace(hour=20))  # the next day in Shanghai
    lines = unfolded(calendar_text(PRODUCTION, "BRK001", [late], AT))
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    starts = [line for line in lines if line.startswith("DTSTART")]
    assert starts[1] == f"DTSTART;VALUE=DATE:{late.not_after:%Y%m}{late.not_after.day + 1:02}"
    assert len({line for line in lines if line.startswith("UID:")}) == 2
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 2


def test_the_feed_says_which_world_it_is_of() -> None:
    lines = unfolded(calendar_text(NEIGHBOUR, "BRK001", [ISSUED], AT))
    assert f"X-PROP-ENVIRONMENT:{NEIGHBOUR.environment.value}" in lines
    assert "X-PROP-BINDING:FALSE" in lines
    assert f"DESCRIPTION:{NEIGHBOUR.notice}" in lines


def calendars_of(desk: Certifying) -> CalendarService:
    return CalendarService(
        desk.database.world,
        desk.acts,
        calendars=CalendarStore(desk.database),
        certificates=desk.certificate_store,
        participants=desk.participant_store,
        operators=desk.operator_store,
        personal_data=desk.personal_data,
        base_url=URL,
    )


@pytest.mark.wire
async def test_a_feed_is_read_by_its_address_until_it_is_withdrawn(
    wire_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Certifying(wire_database)
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    own, foreign = await desk.issue(administrator), await desk.issue(stranger)
    calendars = calendars_of(desk)
    caller = caller_for(administrator)
    calendar = (await calendars.give_out(caller, administrator.participant_id)).subject
    url = calendars.url_of(calendar)
    assert url is not None
    routes = calendar_routes(lambda: calendars, TokenBuckets(per_minute=1, burst=100))
    app = Requests(Starlette(routes=routes), Meter(), routes)  # type: ignore[arg-type]  # counts nothing
    with caplog.at_level("INFO"):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as client:
            feed = await client.get(url)
            assert feed.headers["content-type"].startswith("text/calendar")
            assert own.id in feed.text
            assert foreign.id not in feed.text
            for wrong in (url.replace(calendar.id, foreign.id), url[:-5] + "x.ics", f"{URL}/calendar/x.ics"):
                assert (await client.get(wrong)).status_code == 404
            with pytest.raises(Refused) as caught:
                await calendars.withdraw(caller_for(stranger), calendar.id)
            assert caught.value.refusals[0].code is RefusalCode.CALENDAR_NOT_FOUND
            await calendars.withdraw(caller, calendar.id)
            assert (await client.get(url)).status_code == 404
    secret = url.rpartition(".ics")[0].rpartition(".")[2]
    told = [str(record.__dict__.get("path")) for record in caplog.records if record.name == "prop.access"]
    assert told == ["/calendar/{token}.ics"] * len(told)
    assert told
    assert secret not in "".join(told)


@pytest.mark.wire
async def test_a_new_address_withdraws_the_one_before(wire_database: Database) -> None:
    desk = Certifying(wire_database)
    _, administrator = await desk.open()
    calendars, caller = calendars_of(desk), caller_for(administrator)
    first = (await calendars.give_out(caller, administrator.participant_id)).subject
    second = (await calendars.give_out(caller, administrator.participant_id)).subject
    found = await calendars.get_many(caller, [first.id, second.id])
    assert [calendars.url_of(each) is None for each in found if each] == [True, False]


@pytest.mark.wire
async def test_an_address_is_answered_while_its_participant_and_who_gave_it_out_are_let_in(
    wire_database: Database,
) -> None:
    desk = Certifying(wire_database)
    participant, first = await desk.open()
    second = await desk.second_administrator(first)
    calendars, admin = calendars_of(desk), caller_for(first)
    calendar = (await calendars.give_out(caller_for(second), participant.id)).subject
    address = token_of(calendar, desk.personal_data)
    assert await calendars.find_text(address) is not None
    await desk.participants.suspend(OFFICER, participant.id, BREACH)
    assert await calendars.find_text(address) is None
    await desk.participants.resume(OFFICER, participant.id)
    await desk.operators.freeze(admin, second.id)
    assert await calendars.find_text(address) is None
    await desk.operators.unfreeze(admin, second.id)
    assert await calendars.find_text(address) is not None
    await desk.operators.offboard(admin, second.id, OffboardReason.LEFT)
    assert await calendars.find_text(address) is None
