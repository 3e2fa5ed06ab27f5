"""Pages of a million operators: does the ten-thousandth cost what the first does? Told by the database's own `explain`.

    python -m tests.bench.operators_at_scale [OPERATORS [PARTICIPANTS]]      # TEST_MONGO_URI: a MongoDB to ask

The queries explained are those that the store really sends. What is wanted: no plan scans the collection or sorts, keys
examined are at most 1.2 times the rows answered, and no page examines over twice what another does (exit 0, else 1).

A SecantusDB of its own, in memory, cannot show the cost of a page (exit 2): each of its reads walks the whole range
of its index, decodes every document in it and cuts to `limit` at the end; of `_id`, which has no table of its own, it
walks the collection. Its `explain` says so: what is examined is the range. There `index` alone tells: the one on which
the query's equalities come first and its order next, so that a tree of any size is read from the page's first row on,
and no further than its last.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from pymongo.errors import NetworkTimeout

from service.access import ROLE_CEILINGS, OperatorRole
from service.identifiers import Kind, new_id
from service.operators import Operator, OperatorStatus
from service.pagination import BY_ID, PageRequest
from service.storage.database import SOCKET_MS, Database, Document, open_database
from service.storage.init import init_database
from service.storage.operators import OPERATOR_CODEC, OPERATORS, OperatorFilter, OperatorStore, _derived, operator_query
from service.world import PRODUCTION
from tests.databases import drop_databases, open_server, renamed
from tests.explain import index_in_order, recorded_queries, scans_of

PAGE = 50
FAR_PAGE = 10_000
CHUNK = 500  # what even a small machine stores before the driver loses patience
GOAL = 1.2  # keys examined to rows
START = datetime(2026, 1, 1, tzinfo=UTC)
ROLES = tuple(OperatorRole)
SURNAMES, NAMES = "王李张刘陈杨黄赵吴周", "伟芳娜敏静丽强磊军洋"


def operators(count: int, participants: int) -> Iterator[Operator]:
    """In the order of their ids, dealt out to the participants in turn; one in ten is frozen."""
    owners = [
        new_id(PRODUCTION, Kind.PARTICIPANT, START + timedelta(milliseconds=each)) for each in range(participants)
    ]
    held = {role: tuple(sorted(ROLE_CEILINGS[role])[:4]) for role in ROLES}
    for number in range(count):
        at, role = START + timedelta(milliseconds=10 * number), ROLES[number % len(ROLES)]
        yield Operator(
            id=new_id(PRODUCTION, Kind.OPERATOR, at),
            version=1,
            participant_id=owners[number % participants],
            operator_number=f"{number // participants + 1:06d}",
            name=SURNAMES[number % 10] + NAMES[number // 10 % 10],
            role=role,
            status=OperatorStatus.FROZEN if number // participants % 10 == 9 else OperatorStatus.ACTIVE,
            permissions=held[role],
            registered_at=at,
        )


@dataclass
class Filled:
    """What was stored: the last operator of the page before the far one, and one participant."""

    boundary: str
    far_page: int
    participant: str
    node: str
    count: int


async def fill(database: Database, count: int, participants: int) -> Filled:
    """Store them raw, past the services: what is measured is how they are read."""
    marks: Document = {"environment": database.world.environment.value, "binding": database.world.binding}
    far_page = min(FAR_PAGE, count // PAGE - 1)
    made, stored, boundary, last = operators(count, participants), 0, "", None
    while chunk := list(islice(made, CHUNK)):
        documents = [{**OPERATOR_CODEC.encode(each), **_derived(each), **marks} for each in chunk]
        await database.collection(OPERATORS).insert_many(documents, ordered=False)
        place = (far_page - 1) * PAGE - 1 - stored
        boundary = chunk[place].id if 0 <= place < len(chunk) else boundary
        stored, last = stored + len(chunk), chunk[-1]
        if stored % 10_000 == 0:
            print(f"  {stored} stored", flush=True)
    assert last is not None
    return Filled(boundary, far_page, last.participant_id, last.id, stored)


@dataclass
class Cost:
    """What one question cost: rows answered, keys examined, the rows of the range, stages that scan or sort."""

    name: str
    rows: int
    examined: int
    ranged: int
    scans: list[str]
    index: str | None
    milliseconds: float

    @property
    def stops(self) -> bool:
        """Whether the server read no further than the page, and one row to see whether there is more."""
        return self.ranged <= self.rows + 1

    @property
    def good(self) -> bool:
        return not self.scans and self.examined <= GOAL * (self.rows + 1)

    def __str__(self) -> str:
        read = f"{self.examined:8} keys" if self.stops else f"{self.ranged:8} read"
        return f"{self.name:20} {self.rows:3} rows {read} {self.milliseconds:9.1f} ms  {self.index}  {self.scans or ''}"


async def costs(uri: str, database: Database, filled: Filled) -> AsyncIterator[Cost]:
    """First page, far page, filtered pages, a participant's own page and `node`, as the store asks for them."""
    own, frozen = OperatorFilter(participant_id=filled.participant), OperatorFilter(status=OperatorStatus.FROZEN)
    pages: Mapping[str, tuple[OperatorFilter, tuple[str] | None]] = {
        "first page": (OperatorFilter(), None),
        f"page {filled.far_page}": (OperatorFilter(), (filled.boundary,)),
        "filtered page": (frozen, None),
        "filtered, far in": (frozen, (filled.boundary,)),
        "own page": (own, None),
        "own filtered page": (replace(own, status=OperatorStatus.FROZEN), None),
    }
    for name, (wanted, boundary) in pages.items():
        async with recorded_queries(uri, database) as queries:
            store = OperatorStore(queries.database)
            begun, request = time.perf_counter(), PageRequest(BY_ID, PAGE, boundary)
            try:
                page = await store.page(request, operator_query(wanted, None))
                yield await _cost(name, len(page.items), time.perf_counter() - begun, queries)
            except NetworkTimeout:  # as the service would give up
                index = index_in_order(queries.sent[-1][1], OPERATORS)
                yield Cost(name, 0, filled.count, filled.count, ["NO ANSWER"], index, SOCKET_MS)
    async with recorded_queries(uri, database) as queries:
        begun = time.perf_counter()
        found = await OperatorStore(queries.database).get_many([filled.node])
        yield await _cost("node", len(found), time.perf_counter() - begun, queries)


async def _cost(name: str, rows: int, seconds: float, queries: Any) -> Cost:
    database_name, command = queries.sent[-1]  # sent again where the driver lost patience
    query = {key: command[key] for key in ("find", "filter", "sort", "limit", "hint") if key in command}
    client = queries.database._client
    reply = await client[database_name].command("explain", query, verbosity="executionStats")
    stats, scans = reply["executionStats"], scans_of(reply["queryPlanner"]["winningPlan"])
    index = index_in_order(query, OPERATORS)
    return Cost(name, rows, stats["totalKeysExamined"], stats["nReturned"], scans, index, seconds * 1000)


@asynccontextmanager
async def _database(uri: str) -> AsyncIterator[Database]:
    world = renamed(PRODUCTION)
    await init_database(uri, world)
    try:
        async with open_database(uri, world) as database:
            yield database
    finally:
        drop_databases(uri, world)


async def main(uri: str, count: int, participants: int) -> int:
    async with _database(uri) as database:
        begun = time.perf_counter()
        filled = await fill(database, count, participants)
        print(f"{filled.count} operators of {participants} participants in {time.perf_counter() - begun:.0f} s")
        found = []
        async for cost in costs(uri, database, filled):
            print(cost, flush=True)
            found.append(cost)
    if not all(cost.stops for cost in found):
        print("NOT SHOWN: this server reads whole ranges. Ask a MongoDB (TEST_MONGO_URI).")
        return 2
    pages = [cost.examined for cost in found if cost.rows > 1]
    return int(not (all(cost.good for cost in found) and max(pages) <= 2 * min(pages)))


if __name__ == "__main__":
    count, participants = (int(each) for each in (*sys.argv[1:], *("1000000", "5000")[len(sys.argv) - 1 :]))
    given = os.environ.get("TEST_MONGO_URI")
    with nullcontext() if given else open_server() as server:
        sys.exit(asyncio.run(main(given or server.uri, count, participants)))
