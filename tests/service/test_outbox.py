"""SMS on their way out: once each, whatever dies in between, and no number where none belongs."""

import asyncio
import json
import logging
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from service.operators import SmsTopic
from service.outbox import (
    CLAIM,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MOST_ATTEMPTS,
    Message,
    MessageStatus,
    Outbox,
    failed,
    message_place,
    sent,
)
from service.personal_data import Datum, PersonalData
from service.sms_file import FileGateway
from service.storage.database import Database
from service.storage.outbox import OutboxStore
from service.world import PRODUCTION
from tests.service.institutions import TELEPHONE
from tests.service.records import SteppingClock


class Deaf:
    """A gateway that does not answer, for a while."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.delivered: list[str] = []

    def deliver(self, key: str, telephone: str, text: str) -> None:
        if self.times:
            self.times -= 1
            raise OSError(111, "Connection refused")
        self.delivered.append(key)


class Desk:
    def __init__(self, database: Database) -> None:
        self.clock = SteppingClock()
        self.personal_data = PersonalData(database.world, bytes(range(32)))
        self.store = OutboxStore(database)

    def outbox(self, gateway: FileGateway | Deaf | None) -> Outbox:
        return Outbox(self.clock, self.store, self.personal_data, gateway)

    async def put(self, number: int) -> Message:
        place = message_place(f"live-sms-{number}")
        at = self.clock.now()
        message = Message(
            id=place.id,
            version=1,
            key=f"live-rem-{number}/live-op-1",
            topic=SmsTopic.CERTIFICATE_EXPIRY,
            operator_id="live-op-1",
            participant_id="live-par-1",
            telephone=self.personal_data.seal(TELEPHONE, Datum.TELEPHONE, place),
            text="【PROP】证书将到期",
            status=MessageStatus.PENDING,
            created_at=at,
            next_attempt_at=at,
        )
        return await self.store.insert(None, message)


@pytest.fixture
def desk(wire_database: Database) -> Desk:
    return Desk(wire_database)


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.wire
async def test_each_message_reaches_the_file_once_however_many_deliver(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "sms.jsonl"
    messages = [await desk.put(number) for number in range(12)]
    counts = await asyncio.gather(*(desk.outbox(FileGateway(path)).deliver_due() for _ in range(3)))
    assert sum(counts) == len(messages)
    assert sorted(each["key"] for each in lines(path)) == sorted(each.key for each in messages)
    assert {(each["telephone"], each["text"]) for each in lines(path)} == {(TELEPHONE, "【PROP】证书将到期")}
    assert path.stat().st_mode & 0o777 == 0o600
    kept = await desk.store.of_operator("live-op-1")
    assert {each.status for each in kept} == {MessageStatus.SENT}
    assert await desk.outbox(FileGateway(path)).deliver_due() == 0


@pytest.mark.wire
async def test_one_whose_consumer_died_after_delivering_has_its_effect_once(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "sms.jsonl"
    message = await desk.put(1)
    claimed = await desk.store.claim(desk.clock.now(), CLAIM)
    assert claimed is not None
    FileGateway(path).deliver(message.key, TELEPHONE, message.text)  # and then nothing more was heard of it
    assert await desk.outbox(FileGateway(path)).deliver_due() == 0, "it is claimed"
    desk.clock.time += CLAIM
    assert await desk.outbox(FileGateway(path)).deliver_due() == 1
    assert len(lines(path)) == 1


@pytest.mark.wire
async def test_a_gateway_that_is_away_is_tried_again_after_a_pause(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    message, gateway = await desk.put(1), Deaf(2)
    outbox = desk.outbox(gateway)
    with caplog.at_level(logging.WARNING):
        assert await outbox.deliver_due() == 0
    assert TELEPHONE not in caplog.text
    assert await outbox.deliver_due() == 0, "the pause is not over"
    assert gateway.times == 1
    desk.clock.time += FIRST_PAUSE
    await outbox.deliver_due()
    desk.clock.time += FIRST_PAUSE * 2
    assert await outbox.deliver_due() == 1
    assert gateway.delivered == [message.key]


@pytest.mark.wire
async def test_without_a_gateway_messages_wait(desk: Desk) -> None:
    message = await desk.put(1)
    assert await desk.outbox(None).deliver_due() == 0
    assert await desk.store.find(message.id) == message


def test_pauses_double_up_to_an_hour_and_then_a_person_looks() -> None:
    clock = SteppingClock()
    personal_data = PersonalData(PRODUCTION, bytes(range(32)))
    place = message_place("live-sms-1")
    message = Message(
        id=place.id, version=1, key="k", topic=SmsTopic.NOTICE, operator_id="o", participant_id="p",
        telephone=personal_data.seal(TELEPHONE, Datum.TELEPHONE, place), text="t", status=MessageStatus.PENDING,
        created_at=clock.time, next_attempt_at=clock.time,
    )  # fmt: skip
    pauses = []
    while message.status is MessageStatus.PENDING:
        message = failed(message, clock.time)
        pauses.append(message.next_attempt_at - clock.time)
    assert len(pauses) == MOST_ATTEMPTS
    assert pauses[:3] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]
    assert max(pauses) == LONGEST_PAUSE
    assert message.status is MessageStatus.FAILED
    assert sent(message, clock.time + timedelta(days=1)).sent_at == clock.time + timedelta(days=1)


def test_a_line_that_broke_off_is_no_message_and_spoils_none(tmp_path: Path) -> None:
    path = tmp_path / "sms.jsonl"
    path.write_text('{"key": "k", "telep')
    for gateway in (FileGateway(path), FileGateway(path)):
        for key in ("k", "l", "k"):
            gateway.deliver(key, TELEPHONE, "t")
    broken, *whole = path.read_text().splitlines()
    assert broken == '{"key": "k", "telep'
    assert [json.loads(each)["key"] for each in whole] == ["k", "l"]


def test_a_file_that_was_taken_away_is_begun_again_and_repeats_nothing(tmp_path: Path) -> None:
    path, gateway = tmp_path / "sms.jsonl", FileGateway(tmp_path / "sms.jsonl")
    gateway.deliver("k", TELEPHONE, "t" * 100)
    path.rename(tmp_path / "sms.1")
    for key in ("k", "l"):
        gateway.deliver(key, TELEPHONE, "t")
    assert [each["key"] for each in lines(path)] == ["l"]


WRITER = """
import sys
from pathlib import Path
from service.sms_file import FileGateway
gateway = FileGateway(Path(sys.argv[1]))
for number in range(200):
    gateway.deliver(str(number), "0", "t" * 500)
"""


@pytest.mark.process
def test_three_processes_that_deliver_the_same_write_each_key_once(tmp_path: Path) -> None:
    path = tmp_path / "sms.jsonl"
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=root) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert sorted(int(each["key"]) for each in lines(path)) == list(range(200))
