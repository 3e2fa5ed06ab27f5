"""kill -9 in the middle of 500 offboardings: none is half done, and none that was answered is lost (art. 11)."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.access import Caller, OperatorRole, Permission
from service.certificates import CertificateState
from service.errors import Unavailable
from service.operators import OffboardReason, Operator, OperatorStatus, SmsStatus, SmsSubscription, SmsTopic
from service.storage.certificates import CERTIFICATES
from service.storage.database import Collection, open_database
from service.storage.idempotency import IDEMPOTENCY
from service.storage.init import init_database
from service.storage.records import RECORDS
from service.world import PRODUCTION
from tests.databases import open_server
from tests.service.institutions import Institutions, caller_for

pytestmark = [pytest.mark.process, pytest.mark.wire]

LEAVERS = 500
AT_ONCE = 4
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def opened(uri: str) -> AsyncIterator[Institutions]:
    async with open_database(uri, PRODUCTION) as database:
        platform = Institutions(database)
        platform.clock.time = datetime.now(UTC)  # idempotency keys live for a day by the database's own clock
        yield platform


async def make_leavers(platform: Institutions, administrator: Operator) -> list[str]:
    """Operators as they are after years of work: permissions, an SMS subscription, a certificate."""
    sealed = administrator.telephone
    assert sealed is not None
    leavers = [
        replace(
            administrator,
            id=f"{administrator.id[:-6]}{number:06d}",
            operator_number=f"{number}",
            role=OperatorRole.OPERATOR,
            permissions=(Permission.RECORD_READ, Permission.OPERATOR_READ),
            sms_subscriptions=(
                SmsSubscription(SmsTopic.NOTICE, sealed, SmsStatus.ACTIVE, administrator.registered_at),
            ),
        )
        for number in range(100_000, 100_000 + LEAVERS)
    ]
    await platform.operator_store.insert_many(None, leavers)
    await platform.certificate_store.insert_many(None, [platform.certificate_of(each) for each in leavers])
    return [each.id for each in leavers]


async def offboarded(platform: Institutions, caller: Caller, leaver: str) -> bool:
    try:
        await platform.operators.offboard(caller, leaver, OffboardReason.LEFT, key=leaver)
    except Unavailable:
        return False
    return True


async def offboard_all(uri: str, administrator_id: str, leavers: list[str]) -> None:
    """What the killed process runs. Says each id as soon as its offboarding was answered."""
    async with opened(uri) as platform:
        administrator = await platform.operator_store.find(administrator_id)
        assert administrator is not None
        waiting = iter(leavers)

        async def work() -> None:
            for leaver in waiting:
                while not await offboarded(platform, caller_for(administrator), leaver):
                    pass  # as a client does that is told to try again: with the same key
                os.write(1, f"{leaver}\n".encode())

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def killed_in_the_middle(uri: str, administrator_id: str, leavers: list[str], after: int) -> list[str]:
    """The ids that the process had answered for when it was killed."""
    command = [sys.executable, "-m", "tests.service.test_killed", uri, administrator_id, *leavers]
    answered: list[str] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            answered.append(line.strip())
            if len(answered) == after:
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "it was done, or failed, before it was killed"
    return answered


async def ensure_whole(platform: Institutions, leavers: list[str], answered: set[str]) -> set[str]:
    """Those who are gone: each of them wholly, all who were answered among them, and a key kept for each.

    Of each everything must agree: permissions, SMS, sessions, certificate, record.
    """
    operators = await platform.operator_store.get_many(leavers)
    states = await grouped(platform, CERTIFICATES, "operatorId", "state")
    records = await grouped(platform, RECORDS, "subject", "kind")
    gone = set[str]()
    for operator in operators:
        assert operator is not None
        left = operator.status is OperatorStatus.OFFBOARDED
        parts = {
            "permissions": not operator.permissions,
            "sms": all(each.status is SmsStatus.CANCELLED for each in operator.sms_subscriptions),
            "sessions": operator.sessions_end_at is not None,
            "certificates": states[operator.id] == [CertificateState.REVOKED.value],
            "record": records[operator.id] == ["operator.offboarded"],
        }
        assert set(parts.values()) == {left}, (operator.id, left, parts)
        if left:
            gone.add(operator.id)
    assert answered <= gone, "an answered offboarding was lost"
    assert await platform.database.collection(IDEMPOTENCY).count_documents({"subject": {"$ne": None}}) == len(gone)
    assert await platform.database.collection(IDEMPOTENCY).count_documents({}) == len(gone)
    return gone


async def grouped(platform: Institutions, declared: Collection, key: str, value: str) -> dict[str, list[str]]:
    """Every value in a collection, by key."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    async for each in platform.database.collection(declared).find({}, {key: 1, value: 1}):
        found[each[key]].append(each[value])
    return found


async def test_a_service_killed_among_offboardings_leaves_none_half_done_and_loses_none(tmp_path: Path) -> None:
    with open_server(str(tmp_path / "data")) as server:
        await init_database(server.uri, PRODUCTION)
        async with opened(server.uri) as platform:
            _, administrator = await platform.open()
            leavers = await make_leavers(platform, administrator)
        left, answered = list(leavers), set[str]()
        for after in (120, 130):  # killed twice, each time in the middle
            answered.update(await asyncio.to_thread(killed_in_the_middle, server.uri, administrator.id, left, after))
            async with opened(server.uri) as platform:
                await ensure_whole(platform, leavers, answered)
            # A server keeps the locks of a vanished client for a minute. A power cut ends them, and tries the disk.
            server.stop(signal.SIGKILL)
            server.start()
            async with opened(server.uri) as platform:
                gone = await ensure_whole(platform, leavers, answered)
                assert after <= len(gone) < LEAVERS
            left = [each for each in leavers if each not in answered]  # some of these are done: answered to nobody
        await offboard_all(server.uri, administrator.id, left)
        async with opened(server.uri) as platform:
            assert await ensure_whole(platform, leavers, set(leavers)) == set(leavers)


if __name__ == "__main__":
    asyncio.run(offboard_all(*sys.argv[1:3], sys.argv[3:]))
