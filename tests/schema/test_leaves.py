"""Reading plain leaves directly answers exactly what graphql-core answers, errors and order included."""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import execute, parse
from hypothesis import given
from hypothesis import strategies as st
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.build import make_schema
from schema.leaves import LEAVES, LeafExecutor


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Inner(Named):
    number: int | None = None


@strawberry.type
class Outer(Named):
    colour: Colour
    at: datetime
    tags: list[str]
    maybe: int | None
    inner: Inner | None

    @strawberry.field
    def computed(self) -> str:
        return self.name + "!"

    @strawberry.field
    async def awaited(self) -> str:
        return self.name + "?"

    @strawberry.field
    async def awaited_inner(self) -> Named:
        return Inner(name="awaited", number=1)


SAMPLES: dict[str, dict[str, Any]] = {
    "whole": {},
    "null where none may be": {"name": None},
    "of the wrong kind": {"maybe": "many"},
    "beyond 32 bits": {"maybe": 2**40},
    "no colour": {"colour": "green"},
    "a naive time": {"at": datetime(2026, 1, 1)},  # noqa: DTZ001 - the fault is the point
    "an inner fault": {"inner": Inner(name=None, number=1)},  # type: ignore[arg-type]  # the fault is the point
}


def make_outer(sample: str) -> Outer:
    whole = {
        "name": "n",
        "colour": Colour.BLUE,
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "tags": ["a", "b"],
        "maybe": None,
        "inner": Inner(name="inner", number=3),
    }
    return Outer(**{**whole, **SAMPLES[sample]})


@strawberry.type
class LeafQuery:
    @strawberry.field
    def one(self, sample: str) -> Outer | None:
        return make_outer(sample)

    @strawberry.field
    def many(self, sample: str) -> list[Outer | None]:
        return [make_outer("whole"), make_outer(sample)]


@strawberry.type
class LeafSubscription:
    @strawberry.subscription
    async def ones(self) -> AsyncGenerator[Outer, None]:
        yield make_outer("whole")


SCHEMA = make_schema((LeafQuery,), (), (LeafSubscription,))
SELECTIONS = st.lists(
    st.sampled_from(
        [
            *("name", "alias: name", "colour", "at", "tags", "maybe", "computed", "awaited", "__typename", "...F"),
            *(
                "inner { name number }",
                "inner { ... on Named { name } __typename }",
                "awaitedInner { name __typename }",
            ),
            *("maybe @skip(if: true)", "other: maybe @include(if: true)"),
        ]
    ),
    min_size=1,
    max_size=8,
).map(" ".join)
FRAGMENT = " fragment F on Outer { name colour computed }"


async def answer(executor: type[StrawberryGraphQLCoreExecutionContext], query: str) -> tuple[str, list[dict[str, Any]]]:
    result = execute(SCHEMA._schema, parse(query), executor_class=executor, root_value=None)  # type: ignore[call-overload]  # no root
    if not hasattr(result, "data"):
        result = await result
    errors = sorted((error.formatted for error in result.errors or ()), key=json.dumps)
    return json.dumps(result.data), errors  # type: ignore[return-value]  # as text: the order of the keys counts


@given(SELECTIONS, st.sampled_from(sorted(SAMPLES)), st.sampled_from(["one", "many"]))
async def test_the_answer_is_graphql_cores_own(selection: str, sample: str, field: str) -> None:
    query = f'{{ {field}(sample: "{sample}") {{ {selection} }} }}' + (FRAGMENT if "...F" in selection else "")
    assert await answer(LeafExecutor, query) == await answer(StrawberryGraphQLCoreExecutionContext, query)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("name", True),
        ("colour", True),
        ("at", True),
        ("maybe", True),
        ("tags", False),
        ("inner", False),
        ("computed", False),
    ],
)
def test_only_attributes_that_become_a_scalar_or_an_enum_are_plain(name: str, plain: bool) -> None:
    assert (name in SCHEMA._schema.type_map["Outer"].extensions[LEAVES]) is plain
