"""A kept plan changes no answer: each run of an operation comes to what graphql-core's own executor comes to."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, Executor, parse
from hypothesis import given
from hypothesis import strategies as st

from schema import leaves
from schema.build import make_schema
from schema.leaves import LeafExecutor
from schema.plans import Plan, plan_of


@strawberry.interface
class Named:
    name: str

    @strawberry.field
    def parent(self) -> "Named | None":
        return Ship(name="of " + self.name, mass=1) if len(self.name) < 10 else None


@strawberry.type
class Ship(Named):
    mass: int


@strawberry.type
class Crew(Named):
    rank: str

    @strawberry.field
    async def serves(self) -> Ship:
        return Ship(name=self.name + "'s", mass=2)


@strawberry.type
class PlanQuery:
    @strawberry.field
    def named(self, crew: bool = False) -> Named:
        return Crew(name="c", rank="r") if crew else Ship(name="s", mass=3)

    @strawberry.field
    def own(self) -> Ship | None:
        return None

    @strawberry.field
    def first_mate(self) -> Crew | None:
        return None

    @strawberry.field
    def all(self) -> list[Named]:
        return [Ship(name="s", mass=3), Crew(name="c", rank="r"), Ship(name="long of name", mass=4)]


@strawberry.type
class PlanSubscription:
    @strawberry.subscription
    async def each(self) -> AsyncGenerator[Named]:
        yield Ship(name="s", mass=3)


SCHEMA = make_schema((PlanQuery,), (), (PlanSubscription,))._schema
FRAGMENTS = "fragment S on Ship { name mass } fragment N on Named { __typename parent { name ...S } }"
SELECTIONS = st.lists(
    st.sampled_from(
        [
            *("name", "again: name", "__typename", "parent { name }", "parent { __typename parent { name } }"),
            *("...S", "...N", "... on Ship { mass }", "... on Crew { rank serves { mass parent { name } } }"),
            *("name @skip(if: $crew)", "parent @include(if: $crew) { name }"),
        ]
    ),
    min_size=1,
    max_size=6,
).map(" ".join)


async def answer(query: str, executor: type[Executor[Any]], plan: Plan | None, variables: dict[str, Any]) -> str:
    built = executor.build(SCHEMA, parse(query), raw_variable_values=variables)
    assert not isinstance(built, list), built
    if isinstance(built, LeafExecutor):
        built.plan = plan
    result: Any = built.execute_operation()
    if not isinstance(result, ExecutionResult):
        result = await result
    assert not result.errors
    return json.dumps(result.data)


@given(SELECTIONS, st.lists(st.booleans(), min_size=2, max_size=4), st.sampled_from([0, 4, 1_000]))
async def test_every_run_on_one_plan_answers_as_graphql_core_does(
    selection: str, runs: list[bool], tokens: int
) -> None:
    """The runs differ in their variables, and so in the types that they meet."""
    head = "query Q($crew: Boolean! = false) { named(crew: $crew)"
    query = f"{head} {{ {selection} __typename }} all {{ {selection} ...N ...S }} }} {FRAGMENTS}"
    plan = plan_of(parse(query), tokens)
    assert (plan is None) is ("@" in selection)
    for crew in runs:
        variables = {"crew": crew}
        assert await answer(query, LeafExecutor, plan, variables) == await answer(query, Executor, None, variables)


async def test_what_was_collected_once_is_not_collected_again(monkeypatch: pytest.MonkeyPatch) -> None:
    query = "{ all { name parent { name } } }"
    plan = plan_of(parse(query), 100)
    collected: list[str] = []
    collect = leaves.StrawberryGraphQLCoreExecutionContext.collect_subfields

    def counting(self: Any, of: Any, details: Any) -> Any:
        collected.append(of.name)
        return collect(self, of, details)

    monkeypatch.setattr(leaves.StrawberryGraphQLCoreExecutionContext, "collect_subfields", counting)
    for _ in range(3):
        await answer(query, LeafExecutor, plan, {})
    assert collected == ["Ship", "Ship", "Crew", "Ship"]  # `all` of each type, and the parent of each: once


@pytest.mark.parametrize(
    "document",
    [
        "{ named { name @skip(if: true) } }",
        "{ named { ... @include(if: true) { name } } }",
        "{ named { ...F } } fragment F on Named { name @include(if: true) }",
        "query Q($crew: Boolean = true @unknown) { named(crew: $crew) { name } }",
    ],
)
def test_a_document_with_any_directive_has_no_plan(document: str) -> None:
    assert plan_of(parse(document), 100) is None


async def test_a_plan_keeps_no_more_selections_than_it_may_and_answers_all_the_same() -> None:
    query = "{ all { ...A } } fragment A on Named { a: parent { ...B } b: parent { ...B } } "
    query += "fragment B on Named { a: parent { name } b: parent { name } }"
    plan = plan_of(parse(query), 6)
    assert plan is not None
    for _ in range(3):
        assert await answer(query, LeafExecutor, plan, {}) == await answer(query, Executor, None, {})
        assert len(plan) == 3
