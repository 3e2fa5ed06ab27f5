"""Which queries a piece of code sends, and whether an index serves each of them.

    async with recorded_queries(uri, database) as queries:   # a Database of its own, that listens
        await find_things(queries.database, ...)
    await queries.assert_indexed()

The queries are those really sent, so a test cannot drift away from the code. `explain` of SecantusDB mirrors its own
router, which is poorer than MongoDB's: a filter that is nothing but `$or` scans there. What passes here passes there.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from service.storage.database import Collection, Database, open_database


def filters_of(command: Mapping[str, Any]) -> list[Any]:
    """The filters by which a command looks for documents; of an aggregation, its first `$match`."""
    match command:
        case {"find": _}:
            return [command.get("filter", {})]
        case {"aggregate": _, "pipeline": [{"$match": filters}, *_]}:
            return [filters]
        case {"aggregate": _, "pipeline": [{"$changeStream": _}, *_]}:
            return []
        case {"aggregate": _}:
            return [{}]
        case {"count": _} | {"distinct": _} | {"findAndModify": _}:
            return [command.get("query", {})]
        case {"update": _, "updates": changes}:
            return [each["q"] for each in changes]
        case {"delete": _, "deletes": changes}:
            return [each["q"] for each in changes]
    return []


def scans_of(plan: Any) -> list[str]:
    """The stages of a plan that read a whole collection, or sort in memory what an index could have sorted."""
    if isinstance(plan, Mapping):
        found = [plan["stage"]] if plan.get("stage") in {"COLLSCAN", "SORT"} else []
        return found + [stage for value in plan.values() for stage in scans_of(value)]
    if isinstance(plan, list):
        return [stage for value in plan for stage in scans_of(value)]
    return []


def index_in_order(query: Mapping[str, Any], declared: Collection) -> str | None:
    """The index on which the query's equalities come first, in any order, and then its sort; None if there is none.

    Along it the rows lie one after another, as they are asked for: a page of them costs the page, however many there
    are. Of ids asked for by name it is `_id`.
    """
    where, order = query["filter"], list(query.get("sort", {}).items())
    equal = {field for field, value in where.items() if not isinstance(value, Mapping) and not field.startswith("$")}
    if not order and where.keys() == {"_id"}:
        return "_id_"
    named = [("_id_", (("_id", 1),)), *((each.name, each.keys) for each in declared.indexes if each.partial is None)]
    for name, keys in named:
        led, follows = {field for field, _ in keys[: len(equal)]}, keys[len(equal) : len(equal) + len(order)]
        turns = {direction * asked for (_, direction), (_, asked) in zip(follows, order, strict=False)}
        if led == equal and [field for field, _ in follows] == [field for field, _ in order] and len(turns) == 1:
            return name
    return None


@dataclass
class Queries(CommandListener):
    """The commands a Database sent, how many documents of which collection came back, and the Database."""

    sent: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    database: Database = field(init=False)

    def started(self, event: CommandStartedEvent) -> None:
        if filters_of(event.command):
            self.sent.append((event.database_name, event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        cursor = event.reply.get("cursor", {})
        for batch in ("firstBatch", "nextBatch"):
            if cursor.get(batch):
                self.answered[cursor["ns"].partition(".")[2]] += len(cursor[batch])

    def failed(self, event: CommandFailedEvent) -> None: ...

    async def plans(self) -> list[tuple[Mapping[str, Any], Any]]:
        """Each query sent so far, as a `find`, with the server's winning plan for it."""
        plans = []
        for name, command in list(self.sent):
            collection = next(iter(command.values()))
            for filters in filters_of(command):
                query = {"find": collection, "filter": filters}
                query |= {key: command[key] for key in ("sort", "limit", "hint") if key in command}
                reply = await self.database._client[name].command("explain", query, verbosity="queryPlanner")
                plans.append((query, reply["queryPlanner"]["winningPlan"]))
        return plans

    async def assert_indexed(self, *, sorted_in_memory: bool = False) -> None:
        """Fail where a query scans a collection, or (unless allowed) sorts in memory; and where none was sent."""
        plans = await self.plans()
        assert plans, "no query was sent: there is nothing to show that an index serves it"
        for query, plan in plans:
            scans = [stage for stage in scans_of(plan) if stage == "COLLSCAN" or not sorted_in_memory]
            assert not scans, f"{scans} for {query}"


@asynccontextmanager
async def recorded_queries(uri: str, database: Database) -> AsyncIterator[Queries]:
    """A second Database on the same data that keeps what is asked through it. `queries.database` is the one to ask."""
    queries = Queries()
    async with open_database(uri, database.world, database.names, listeners=[queries]) as queries.database:
        queries.sent.clear()  # the stamps
        yield queries
