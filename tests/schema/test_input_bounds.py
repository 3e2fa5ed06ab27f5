"""What a mutation is given is bounded, every text and list of it, those of inputs yet to come too."""

from collections.abc import AsyncIterator, Iterator
from enum import StrEnum
from typing import Any

import pytest
import pytest_asyncio
import strawberry
from graphql import GraphQLInputObjectType, GraphQLInputType, GraphQLList, GraphQLNonNull

from schema.bounds import LONGEST_TEXT, MOST_ITEMS, at_most, ensure_bounded
from service.refusals import Refused
from tests.schema.asking import actions_of, value
from tests.schema.cast import Cast, open_cast
from tests.schema.test_access_matrix import DECISIONS, MUTATIONS, NAMES, allowed, call, unknown_ids

LONG = "x" * 100_000
MANY = 400  # whatever they are, the variables hold no more values than a request may have


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


@strawberry.input
class Inner:
    some_text: str


@strawberry.input
class Outer:
    text: str | None = None
    pem: str = strawberry.field(default="", metadata=at_most(600))
    texts: list[str] = strawberry.field(default_factory=list)
    colours: list[Colour] = strawberry.field(default_factory=list)
    inners: list[Inner] = strawberry.field(default_factory=list, metadata=at_most(2))


def refused(given: Outer) -> list[tuple[str, ...]]:
    with pytest.raises(Refused) as caught:
        ensure_bounded(given)
    return [each.field for each in caught.value.refusals]


def test_a_text_or_a_list_up_to_its_bound_is_taken() -> None:
    ensure_bounded(Outer(text="x" * LONGEST_TEXT, pem="x" * 600, texts=["x"] * MOST_ITEMS, colours=list(Colour)))
    ensure_bounded(Outer(inners=[Inner(some_text="x" * LONGEST_TEXT)] * 2))


def test_every_text_and_list_beyond_its_bound_is_refused_at_its_place() -> None:
    assert refused(Outer(text="x" * (LONGEST_TEXT + 1), texts=["x", LONG])) == [("text",), ("texts", "1")]
    assert refused(Outer(pem="x" * 601)) == [("pem",)]
    assert refused(Outer(texts=["x"] * (MOST_ITEMS + 1))) == [("texts",)]
    assert refused(Outer(colours=[*Colour, Colour.RED])) == [("colours",)]
    assert refused(Outer(inners=[Inner(some_text="x")] * 3)) == [("inners",)]
    assert refused(Outer(inners=[Inner(some_text=LONG)])) == [("inners", "0", "someText")]


def enlarged(kind: GraphQLInputType, given: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """An input once for each text and list in it, that one far too long and the others as `value` has them."""
    if isinstance(kind, GraphQLNonNull):
        yield from enlarged(kind.of_type, given)
    elif isinstance(kind, GraphQLList):
        yield (), [value(kind.of_type, given)] * MANY
        yield from ((("0", *path), [long]) for path, long in enlarged(kind.of_type, given))
    elif isinstance(kind, GraphQLInputObjectType):
        for name, field in kind.fields.items():
            for path, long in enlarged(field.type, given):
                yield (name, *path), {**value(kind, given), name: long}
    elif str(kind) in {"String", "ID"}:
        yield (), LONG


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast(wire_uri: str) -> AsyncIterator[Cast]:
    async with open_cast(wire_uri) as cast:
        yield cast


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_no_text_or_list_of_a_mutation_can_be_huge(cast: Cast, mutation: str) -> None:
    field = MUTATIONS[mutation]
    action = actions_of(field)[0]
    name = next(each for each in reversed(NAMES) if allowed(cast.callers[each], action))
    text = call(mutation).replace("code", "code field")
    places = list(enlarged(field.args["input"].type, {**unknown_ids(), "decision": DECISIONS.get(action)}))
    for path, given in places:
        answer = await cast.ask(text, name, input=given)
        if "errors" in answer:
            assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", (path, answer)
        else:
            assert [*path] in [each["field"] for each in answer["data"][mutation]["refusals"]], (path, answer)
        assert len(str(answer)) < 10_000, path
