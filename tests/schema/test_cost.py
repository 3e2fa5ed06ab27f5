"""The price of what is read: introspection by what the schema holds, pages and counts, events of a subscription."""

import asyncio
from typing import Any

import pytest
import strawberry
from graphql import GraphQLObjectType, execute_sync, get_introspection_query, parse

from schema.build import make_schema, public_schema
from schema.context import BATCH, LOADS_AT_ONCE, READS_AT_ONCE, Loaders
from schema.cost import KEPT_COSTS, READ_COST, SCHEMA_FIELDS, SUBSCRIBED, reads, reads_of
from schema.documents import Documents, Operation
from schema.introspection import Introspection
from schema.limits import Limits
from service.access import ANONYMOUS
from tests.schema.making import make_trial_schema

SCHEMA = public_schema()
WHOLE = get_introspection_query(
    input_value_deprecation=True, schema_description=True, specified_by_url=True, directive_is_repeatable=True
)
DEEP = (
    "types { fields { type { name fields { name } } args { name } } possibleTypes { fields { name type { name } } } }"
)


def prepared(query: str, schema: strawberry.Schema = SCHEMA) -> Operation:
    return Documents(schema, Limits()).prepared(query, introspection=True).operation(None)


def cost_of(query: str, schema: strawberry.Schema = SCHEMA) -> int:
    return prepared(query, schema).cost.of({})


def introspected(query: str, most: int = 1_000_000) -> int:
    node = prepared(query).node.selection_set.selections[0]
    fragments = {each.name.value: each for each in parse(query).definitions[1:]}
    return Introspection(SCHEMA._schema, fragments, most).fields_below(node)  # type: ignore[arg-type]  # all are fragments


def fields_in(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(fields_in, value.values()))
    return sum(map(fields_in, value)) if isinstance(value, list) else 0


@pytest.mark.parametrize(
    "query",
    [
        WHOLE,
        f"{{ __schema {{ {DEEP} }} }}",
        "{ __schema { queryType { name } directives { name args { name } } } }",
        '{ __type(name: "Node") { possibleTypes { name interfaces { name } } } }',
        '{ __type(name: "Nobody") { name } }',
    ],
)
def test_introspection_is_counted_as_it_will_be_answered(query: str) -> None:
    answered = execute_sync(SCHEMA._schema, parse(query)).data
    assert introspected(query) == fields_in(answered) - 1


def test_a_fragment_met_twice_counts_twice() -> None:
    fragments = "fragment A on __Schema { types { ...B ...B } } fragment B on __Type { kind }"
    once = introspected("{ __schema { types { kind } } }")
    assert introspected(f"{{ __schema {{ ...A ...A }} }} {fragments}") == 2 * (1 + 2 * (once - 1))


def test_the_whole_schema_may_be_asked_for_and_not_much_more() -> None:
    assert cost_of(WHOLE) <= Limits().cost // 2
    aliased = " ".join(f"a{number}: __schema {{ {DEEP} }}" for number in range(10))
    assert cost_of(f"{{ {aliased} }}") > Limits().cost


def test_a_type_that_a_variable_names_may_be_any() -> None:
    named = cost_of("query ($name: String!) { __type(name: $name) { fields { name } } }")
    assert named == 1 + introspected("{ __schema { types { fields { name } } } }") // SCHEMA_FIELDS


def test_no_more_is_counted_than_can_be_asked() -> None:
    most = 1_000
    assert most < introspected(f"{{ __schema {{ {DEEP} }} }}", most) <= 3 * most


def test_a_connection_and_a_count_cost_a_read_for_each_object_around_them() -> None:
    assert cost_of("{ operators(first: 7) { totalCount } }") == 2 * (1 + READ_COST)
    nested = cost_of("{ operators(first: 7) { nodes { history(first: 1) { totalCount } } } }")
    assert nested == 1 + READ_COST + 1 + 7 * 2 * (1 + READ_COST)


def test_thousands_of_reads_are_too_much_to_ask() -> None:
    histories = " ".join(f"a{number}: history(first: 1) {{ totalCount }}" for number in range(15))
    assert cost_of(f"{{ operators(first: 100) {{ nodes {{ {histories} }} }} }}") > Limits().cost


def test_what_reads_by_itself_says_how_often() -> None:
    core = SCHEMA._schema
    asking = {
        f"{named.name}.{name}": times
        for named in core.type_map.values()
        if isinstance(named, GraphQLObjectType)
        for name, field in named.fields.items()
        if (times := reads_of(field, name, named)) and not field.args and name != "totalCount"
    }
    assert asking == {
        "Participant.consents": 1,
        "Participant.leaverReport": 10,
        "Agreement.deliveries": 1,
        "Consent.agreement": 1,
        "Viewer.agreementDue": 1,
        "Viewer.operator": 1,
        "Viewer.registrar": 1,
        "Viewer.missingPermissions": 1,
    }


def test_a_subscription_pays_once_for_many_events() -> None:
    assert cost_of("subscription { count(to: 3) }", make_trial_schema()) == SUBSCRIBED


def test_few_prices_of_an_operation_are_kept_and_none_twice() -> None:
    operation = prepared("query ($n: Int) { operators(first: $n) { nodes { name } } }")
    for size in [*range(100, 1_000), -5, 0, None, "x"]:
        operation.cost.of({"n": size})
    assert len(operation.cost.known) == 3  # 100, 1, and none
    for size in range(100):
        operation.cost.of({"n": size})
    assert len(operation.cost.known) == KEPT_COSTS


class Crowd:
    """How many are at work together, and how many ever were."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def work(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(3):
            await asyncio.sleep(0)
        self.now -= 1


@strawberry.type
class Reading:
    @strawberry.field(metadata=reads())
    async def read(self, info: strawberry.Info) -> int:
        await info.context.crowd.work()
        return 1


@strawberry.type
class ReadingQuery:
    @strawberry.field
    def readings(self) -> list[Reading]:
        return [Reading() for _ in range(20)]


async def test_of_what_reads_by_itself_a_request_has_a_few_under_way() -> None:
    class Asked:
        crowd = Crowd()
        reading = asyncio.Semaphore(READS_AT_ONCE)

    answer = await make_schema((ReadingQuery,)).execute("{ readings { read } }", context_value=Asked())
    assert answer.errors is None
    assert Asked.crowd.most == READS_AT_ONCE


async def test_of_what_loaders_fetch_a_request_has_a_few_under_way() -> None:
    crowd = Crowd()

    async def get_many(_: Any, keys: Any) -> Any:
        await crowd.work()
        return keys

    loader = Loaders(ANONYMOUS).over(get_many)
    assert await loader.load_many(range(20 * BATCH)) == [*range(20 * BATCH)]
    assert crowd.most == LOADS_AT_ONCE
