"""Versions of the agreement: drafts, publication, what is in force, nothing published changes (art. 25, 29)."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from service.access import ANONYMOUS, SYSTEM, Caller, CallerKind, RegistrarRole
from service.agreement_text import AgreementTextError
from service.agreements import AgreementAltered, AgreementService, AgreementStatus
from service.bootstrap import services_over
from service.clock import Clock
from service.errors import BadInput, Forbidden, Unauthenticated
from service.refusals import RefusalCode, Refused
from service.storage.agreements import AGREEMENTS
from service.storage.database import Database
from tests.agreements import make_text
from tests.clocks import FixedClock
from tests.schema.making import make_settings

pytestmark = pytest.mark.wire


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 1, 4, 0, tzinfo=UTC))


class Process:
    """A process of the service, with what it keeps in memory."""

    def __init__(self, database: Database, clock: Clock) -> None:
        services = services_over(database, make_settings(database.world), clock)
        self.agreements, self.publications, self.records = services.agreements, services.publications, services.records

    async def publish(self, number: int, effective: date, text: bytes | None = None) -> None:
        await self.agreements.import_draft(SYSTEM, text or make_text(), number=number, effective_from=effective)
        await self.publications.publish(SYSTEM, number)


@pytest.fixture
def process(wire_database: Database, clock: Clock) -> Process:
    return Process(wire_database, clock)


@pytest.fixture
def agreements(process: Process) -> AgreementService:
    return process.agreements


@pytest.fixture
def restarted(wire_database: Database, clock: Clock) -> Callable[[], Process]:
    """Another process over the same database: nothing cached."""
    return lambda: Process(wire_database, clock)


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[RefusalCode]:
    return [refusal.code for refusal in refused.value.refusals]


async def test_a_draft_is_hidden_from_the_public_and_shown_to_the_depository(agreements: AgreementService) -> None:
    draft = await agreements.import_draft(SYSTEM, make_text(), number=1, effective_from=date(2026, 1, 1))
    assert draft.status is AgreementStatus.DRAFT
    assert await agreements.find(ANONYMOUS, 1) is None
    assert await agreements.find_by_id(ANONYMOUS, draft.id) is None
    assert await agreements.numbers(ANONYMOUS) == []
    assert await agreements.find(SYSTEM, 1) == draft
    assert await agreements.find_by_id(SYSTEM, draft.id) == draft


async def test_an_imported_draft_may_be_replaced_until_it_is_published(agreements: AgreementService) -> None:
    first = await agreements.import_draft(SYSTEM, make_text(), number=1, effective_from=date(2026, 1, 1))
    second = await agreements.import_draft(
        SYSTEM, make_text(last="争议由乙方所在地法院管辖。"), number=1, effective_from=date(2026, 2, 1)
    )
    assert (second.id, second.version) == (first.id, first.version + 1)
    assert second.content_hash != first.content_hash


async def test_a_published_version_is_immutable(process: Process, agreements: AgreementService) -> None:
    await process.publish(1, date(2026, 1, 1))
    before = await agreements.find(ANONYMOUS, 1)
    with pytest.raises(Refused) as refused:
        await agreements.import_draft(SYSTEM, make_text(last="改。"), number=1, effective_from=date(2026, 1, 1))
    assert codes(refused) == [RefusalCode.AGREEMENT_PUBLISHED]
    with pytest.raises(Refused) as refused:
        await process.publications.publish(SYSTEM, 1)
    assert codes(refused) == [RefusalCode.AGREEMENT_PUBLISHED]
    assert await agreements.find(ANONYMOUS, 1) == before


async def test_a_text_altered_in_the_database_is_not_served(
    process: Process, agreements: AgreementService, wire_database: Database, restarted: Callable[[], Process]
) -> None:
    await process.publish(1, date(2026, 1, 1))
    collection = wire_database.collection(AGREEMENTS)
    stored = await collection.find_one({"number": 1})
    await collection.update_one({"number": 1}, {"$set": {"text": stored["text"].replace("协商", "仲裁")}})
    with pytest.raises(AgreementAltered):
        await restarted().agreements.find(ANONYMOUS, 1)


async def test_publishing_supersedes_the_version_before_from_its_effective_date_on(
    process: Process, agreements: AgreementService, clock: FixedClock
) -> None:
    await process.publish(1, date(2026, 1, 1))
    await process.publish(2, date(2026, 3, 2), make_text(last="争议由乙方所在地法院管辖。"))
    in_force = await agreements.find(ANONYMOUS)
    assert in_force is not None
    assert in_force.number == 1
    assert in_force.status is AgreementStatus.PUBLISHED
    clock.at = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)  # midnight of 2 March in Shanghai
    in_force = await agreements.find(ANONYMOUS)
    assert in_force is not None
    assert in_force.number == 2
    first = await agreements.find(ANONYMOUS, 1)
    assert first is not None
    assert first.status is AgreementStatus.SUPERSEDED


async def test_before_the_first_effective_date_none_is_in_force(process: Process, agreements: AgreementService) -> None:
    await process.publish(1, date(2026, 6, 1))
    assert await agreements.find(ANONYMOUS) is None


async def test_versions_are_published_in_the_order_of_their_numbers(
    process: Process, agreements: AgreementService
) -> None:
    await agreements.import_draft(SYSTEM, make_text(), number=2, effective_from=date(2026, 1, 1))
    with pytest.raises(Refused) as refused:
        await process.publications.publish(SYSTEM, 2)
    assert codes(refused) == [RefusalCode.AGREEMENT_OUT_OF_ORDER]
    with pytest.raises(Refused) as refused:
        await process.publications.publish(SYSTEM, 7)
    assert codes(refused) == [RefusalCode.AGREEMENT_NOT_FOUND]


async def test_a_revision_does_not_take_effect_before_the_version_it_supersedes(process: Process) -> None:
    await process.publish(1, date(2026, 2, 1))
    with pytest.raises(Refused) as refused:
        await process.publish(2, date(2026, 1, 31))
    assert codes(refused) == [RefusalCode.AGREEMENT_EFFECTIVE_TOO_EARLY]
    assert "2026-02-01" in refused.value.refusals[0].message
    assert "2026-02-01" in refused.value.refusals[0].message_zh


async def test_only_the_depository_imports_and_publishes(process: Process, agreements: AgreementService) -> None:
    operator = Caller(CallerKind.OPERATOR, id="live-op-x", participant_id="live-par-x")
    auditor = Caller(CallerKind.REGISTRAR, id="live-reg-x", role=RegistrarRole.AUDITOR)
    for caller, error in ((ANONYMOUS, Unauthenticated), (operator, Forbidden), (auditor, Forbidden)):
        with pytest.raises(error):
            await agreements.import_draft(caller, make_text(), number=1, effective_from=date(2026, 1, 1))
        with pytest.raises(error):
            await process.publications.publish(caller, 1)


async def test_a_malformed_text_stores_nothing(agreements: AgreementService) -> None:
    with pytest.raises(AgreementTextError):
        await agreements.import_draft(SYSTEM, b"\xff\xfe", number=1, effective_from=date(2026, 1, 1))
    with pytest.raises(BadInput):
        await agreements.import_draft(SYSTEM, make_text(), number=0, effective_from=date(2026, 1, 1))
    assert await agreements.numbers(SYSTEM) == []


async def test_many_are_answered_in_the_order_asked(process: Process, agreements: AgreementService) -> None:
    await process.publish(1, date(2026, 1, 1))
    await process.publish(2, date(2026, 1, 1))
    found = await agreements.get_many(ANONYMOUS, [2, 9, 1, 2])
    assert [each and each.number for each in found] == [2, None, 1, 2]


async def test_a_publication_by_another_process_is_seen(
    process: Process, agreements: AgreementService, restarted: Callable[[], Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.publish(1, date(2026, 1, 1))
    assert await agreements.find(ANONYMOUS, 2) is None
    await restarted().publish(2, date(2026, 1, 1))
    monkeypatch.setattr("service.agreements.HEADS_KEPT_SECONDS", 0.0)
    assert await agreements.find(ANONYMOUS, 2) is not None


async def test_a_publication_leaves_a_record_and_is_done_once_for_a_key(process: Process) -> None:
    await process.agreements.import_draft(SYSTEM, make_text(), number=1, effective_from=date(2026, 1, 1))
    officer = Caller(CallerKind.REGISTRAR, "live-reg-01K9ZZZZZZZZZZZZZZZZZZZZZB", role=RegistrarRole.OFFICER)
    with pytest.raises(Refused) as refused:
        await process.publications.publish(officer, 1, expected_version=7)
    assert codes(refused) == [RefusalCode.VERSION_CONFLICT]
    done = await process.publications.publish(officer, 1, expected_version=1, key="once")
    again = await process.publications.publish(officer, 1, expected_version=1, key="once")
    assert again == done
    assert done.record is not None
    content = json.loads(done.record.content)["content"]
    assert (done.record.kind, done.record.subject) == ("agreement.published", done.subject.id)
    assert (content["contentHash"], content["supersedes"]) == (done.subject.content_hash, None)
    assert content["endsNotice"]  # art. 29
