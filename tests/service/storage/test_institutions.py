"""Participants, applications and operators in storage: an index serves every query, and the validator holds."""

import pytest
from pymongo.errors import WriteError

from service.access import ParticipantKind, Permission, QualificationType, Service
from service.applications import ApplicationStatus, ApplicationType
from service.operators import OperatorRole, OperatorStatus
from service.pagination import BY_ID, LATEST_FIRST, Order, PageRequest
from service.participants import ParticipantStatus
from service.qualifications import QualificationStatus
from service.storage.applications import APPLICATIONS, ApplicationFilter, ApplicationStore, application_query
from service.storage.certificates import CertificateStore
from service.storage.database import Collection, Database, Document, Index
from service.storage.operators import BY_NAME, BY_NUMBER, OPERATORS, OperatorFilter, OperatorStore, operator_query
from service.storage.participants import (
    BY_CODE,
    BY_LEGAL_NAME,
    PARTICIPANTS,
    ParticipantFilter,
    ParticipantStore,
    participant_query,
)
from tests.explain import recorded_queries
from tests.service.institutions import OTHER_USCC, USCC, Institutions, caller_for

OWN = "live-par-01K9ZZZZZZZZZZZZZZZZZZZZZA"

PARTICIPANT_FILTERS = [
    ParticipantFilter(),
    ParticipantFilter(status=ParticipantStatus.ACTIVE),
    ParticipantFilter(kind=ParticipantKind.OTHER),
    ParticipantFilter(service=Service.ACCESS),
    ParticipantFilter(qualification=QualificationType.SETTLEMENT),
    ParticipantFilter(qualification=QualificationType.SETTLEMENT, qualification_status=QualificationStatus.SUSPENDED),
    ParticipantFilter(uscc=USCC),
    ParticipantFilter(text="东方"),
]
BY_STATUS = PARTICIPANT_FILTERS[:2]
OPERATOR_FILTERS = [
    OperatorFilter(),
    OperatorFilter(status=OperatorStatus.ACTIVE),
    OperatorFilter(role=OperatorRole.REVIEWER),
    OperatorFilter(permission=Permission.OPERATOR_READ),
    OperatorFilter(text="王"),
    OperatorFilter(text="17"),
    OperatorFilter(telephone_index="ab"),
]
APPLICATION_FILTERS = [
    ApplicationFilter(),
    ApplicationFilter(status=ApplicationStatus.SUBMITTED),
    ApplicationFilter(type=ApplicationType.OPEN),
    ApplicationFilter(participant_id=OWN),
]


SELECTIVE = {"participantId", "searchGrams", "uscc", "telephone.blindIndex", "_id"}


def serves(index: Index, query: Document, order: Order) -> bool:
    """Whether the index leads to what the query finds, in that order: equal fields first, then those of the order.

    What the index does not know of the query may be looked at afterwards only where few are left.
    """
    fields = [field for field, _ in index.keys]
    sorted_by = [key.field for key in order.keys]
    equal = fields[: -len(sorted_by)]
    left = set(query) - set(equal) - set(sorted_by) - {"searchText"}
    return (
        fields[-len(sorted_by) :] == sorted_by
        and set(equal) <= set(query)
        and (not left or bool(SELECTIVE & set(equal)))
    )


QUERIES = [
    *((OPERATORS, operator_query(each, only), BY_ID) for each in OPERATOR_FILTERS for only in (None, OWN)),
    *((OPERATORS, operator_query(OperatorFilter(), only), by) for by in (BY_NAME, BY_NUMBER) for only in (None, OWN)),
    *((APPLICATIONS, application_query(each, only), BY_ID) for each in APPLICATION_FILTERS for only in (None, OWN)),
    *((PARTICIPANTS, participant_query(each, None), BY_ID) for each in PARTICIPANT_FILTERS),
    *((PARTICIPANTS, participant_query(each, None), by) for each in BY_STATUS for by in (BY_CODE, BY_LEGAL_NAME)),
]


@pytest.mark.parametrize(("declared", "query", "order"), QUERIES)
def test_an_index_serves_every_page_in_its_order(declared: Collection, query: Document, order: Order) -> None:
    every_id = Index((("_id", 1),))
    assert any(serves(index, query, order) for index in (*declared.indexes, every_id))


@pytest.mark.wire
async def test_no_ordinary_query_scans_a_collection(wire_uri: str, wire_database: Database) -> None:
    async with recorded_queries(wire_uri, wire_database) as queries:
        operators, certificates = OperatorStore(queries.database), CertificateStore(queries.database)
        await operators.find_by_number(OWN, "000001")
        await operators.page(PageRequest(BY_ID, 50), operator_query(OperatorFilter(), OWN))
        await operators.page(PageRequest(BY_ID, 50), operator_query(OperatorFilter(status=OperatorStatus.ACTIVE), OWN))
        await certificates.find_by_fingerprint("00")
        participants = ParticipantStore(queries.database)
        await participants.find_by_code("BRK001")
        await participants.find_holding(USCC)
        await ApplicationStore(queries.database).find_pending(OWN)
        await queries.assert_indexed(sorted_in_memory=True)


@pytest.mark.wire
@pytest.mark.parametrize("order", [BY_ID, LATEST_FIRST, BY_NAME, BY_NUMBER], ids=lambda order: order.name)
async def test_walking_the_pages_meets_each_operator_once(wire_database: Database, order: Order) -> None:
    platform = Institutions(wire_database)
    participant, administrator = await platform.open()
    for number in range(2, 9):
        await platform.register(administrator, f"{number:06}")
    where = operator_query(OperatorFilter(), participant.id)
    met: list[str] = []
    request = PageRequest(order, 3)
    while True:
        page = await platform.operator_store.page(request, where)
        met += [each.operator_number for each in page.items]
        if not page.has_next:
            break
        request = PageRequest(order, 3, page.positions[-1])
    assert sorted(met) == [f"{number:06}" for number in range(1, 9)]
    assert await platform.operator_store.count(where) == 8


@pytest.mark.wire
async def test_a_filter_for_another_participant_finds_nothing(wire_database: Database) -> None:
    platform = Institutions(wire_database)
    mine, administrator = await platform.open()
    other, _ = await platform.open(OTHER_USCC, "BRK002")
    me = caller_for(administrator)
    request = PageRequest(BY_ID, 50)
    asked = OperatorFilter(participant_id=other.id)
    assert (await platform.operators.page(me, asked, request)).items == ()
    assert await platform.operators.count(me, asked) == 0
    assert (await platform.operators.page(me, OperatorFilter(), request)).items == (administrator,)
    assert (await platform.participants.page(me, ParticipantFilter(), request)).items == (mine,)
    assert await platform.participants.count(me, ParticipantFilter(uscc=OTHER_USCC)) == 0
    applications = await platform.applications.page(me, ApplicationFilter(participant_id=other.id), request)
    assert applications.items == ()


@pytest.mark.wire
async def test_a_telephone_is_found_through_its_blind_index(wire_database: Database) -> None:
    platform = Institutions(wire_database)
    _, administrator = await platform.open()
    me = caller_for(administrator)
    index = await platform.operators.telephone_index(me, "138-1234-1234")
    found = await platform.operators.page(me, OperatorFilter(telephone_index=index), PageRequest(BY_ID, 50))
    assert found.items == (administrator,)


@pytest.mark.wire
@pytest.mark.parametrize("change", [{"status": "GONE"}, {"environment": "SANDBOX"}, {"permissions": ["*"]}])
async def test_the_database_refuses_an_operator_that_is_none(
    wire_database: Database, change: dict[str, object]
) -> None:
    platform = Institutions(wire_database)
    _, administrator = await platform.open()
    collection = platform.operator_store.collection
    with pytest.raises(WriteError):
        await collection.update_one({"_id": administrator.id}, {"$set": change})


def test_no_filter_widens_what_a_caller_may_see() -> None:
    foreign = "live-par-01K9ZZZZZZZZZZZZZZZZZZZZZB"
    for query in (
        operator_query(OperatorFilter(participant_id=foreign), OWN),
        application_query(ApplicationFilter(participant_id=foreign), OWN),
    ):
        assert query["participantId"] == {"$in": []}
    assert participant_query(ParticipantFilter(text="x", uscc=USCC), OWN)["_id"] == OWN
