"""The built schema, walked: what holds for every type and field, those that are yet to come included."""

from collections.abc import Iterator
from typing import cast

import pytest
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_non_null_type,
    parse,
    print_ast,
)

from schema.build import RELEASED, SDL, compose, find_breaking_changes, make_schema, print_sdl, public_schema
from schema.cost import PAGED, declared_size, is_connection, is_list
from schema.permissions import ACTIONS
from schema.platform import PlatformQuery
from service.policy import Action
from tests.schema.making import TrialQuery, make_trial_schema

PUBLIC: GraphQLSchema = public_schema()._schema
ROOTS = ("Query", "Mutation", "Subscription")


def objects(schema: GraphQLSchema = PUBLIC) -> Iterator[GraphQLObjectType | GraphQLInterfaceType]:
    for name, named in schema.type_map.items():
        if isinstance(named, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__"):
            yield named


def fields(
    schema: GraphQLSchema = PUBLIC,
) -> Iterator[tuple[str, GraphQLObjectType | GraphQLInterfaceType, GraphQLField]]:
    for named in objects(schema):
        for name, field in named.fields.items():
            yield f"{named.name}.{name}", named, field


def unbounded(schema: GraphQLSchema) -> list[str]:
    return [
        path
        for path, parent, field in fields(schema)
        if is_list(field)
        and not (path.partition(".")[2] in PAGED and is_connection(parent))
        and declared_size(field) is None
    ]


def actions_of(field: GraphQLField) -> tuple[Action, ...]:
    found: tuple[Action, ...] = field.extensions["strawberry-definition"].metadata.get(ACTIONS, ())
    return found


def test_every_list_is_a_page_or_declares_its_size() -> None:
    assert unbounded(PUBLIC) == []


def test_a_list_that_does_neither_would_be_found() -> None:
    schema = build_schema("type Query { names: [String!]! }")
    assert unbounded(schema) == ["Query.names"]
    assert unbounded(make_trial_schema()._schema) == []


def test_every_connection_takes_a_page_and_only_connections_do() -> None:
    for path, _, field in fields():
        paged = is_connection(get_named_type(field.type))
        assert ({"first", "after"} <= field.args.keys()) is paged, path


def test_every_order_has_a_default_and_may_be_null() -> None:
    orders = {path: field.args["order"] for path, _, field in fields() if "order" in field.args}
    assert orders
    assert [path for path, order in orders.items() if not order.default_value or is_non_null_type(order.type)] == []


def test_everything_with_an_id_is_marked() -> None:
    for named in objects():
        interfaces = {interface.name for interface in named.interfaces}
        if isinstance(named, GraphQLObjectType) and "Node" in interfaces:
            assert "Marked" in interfaces, named.name


def test_every_mutation_asks_the_policy_for_an_act() -> None:
    mutation = PUBLIC.mutation_type
    for name, field in (mutation.fields if mutation else {}).items():
        assert actions_of(field), name
        assert set(actions_of(field)) <= set(Action), name


def test_every_mutation_takes_one_input_and_a_key_and_answers_with_refusals() -> None:
    mutation = PUBLIC.mutation_type
    for name, field in (mutation.fields if mutation else {}).items():
        assert set(field.args) == {"input", "idempotencyKey"}, name
        assert isinstance(get_named_type(field.args["input"].type), GraphQLInputObjectType), name
        payload = get_named_type(field.type)
        assert isinstance(payload, GraphQLObjectType)
        assert {"refusals", "receipt"} <= payload.fields.keys(), name


WITHOUT_A_VERSION = {
    **dict.fromkeys(("applyForAccess", "registerOperator", "registerElectronicKey"), "makes something new"),
    **dict.fromkeys(("requestCertificate", "registerCertificate", "giveOutCalendar"), "makes something new"),
    **dict.fromkeys(("acknowledgeReminder", "withdrawCalendar"), "goes one way, once: repeated, it does nothing"),
    "reportKeyLost": "nothing delays a loss report (art. 13)",
}


def test_every_mutation_of_what_is_there_takes_the_version_that_its_caller_read() -> None:
    mutation = PUBLIC.mutation_type
    without = {
        name
        for name, field in (mutation.fields if mutation else {}).items()
        if "expectedVersion" not in cast("GraphQLInputObjectType", get_named_type(field.args["input"].type)).fields
    }
    assert without == WITHOUT_A_VERSION.keys()


def test_every_root_field_says_what_it_is_for() -> None:
    silent = [path for path, parent, field in fields() if parent.name in ROOTS and not field.description]
    assert silent == []


def test_the_committed_sdl_is_the_schema() -> None:
    assert SDL.read_text(encoding="utf-8") == print_sdl(public_schema()), "run: python -m schema.build"


def test_the_sdl_parses_and_prints_as_itself() -> None:
    assert print_ast(parse(SDL.read_text(encoding="utf-8")))
    assert build_schema(SDL.read_text(encoding="utf-8")).query_type is not None


def test_nothing_that_was_released_is_broken() -> None:
    broken = find_breaking_changes(RELEASED.read_text(encoding="utf-8"), print_sdl(public_schema()))
    assert [change.description for change in broken] == []


@pytest.mark.parametrize(
    ("change", "breaks"),
    [
        (("a: String", ""), True),
        (("a: String", "a: Int"), True),
        (("b(x: Int): Int", "b(x: Int, y: Int!): Int"), True),
        (("ONE TWO", "ONE"), True),
        (("a: String", "a: String!"), False),
        (("a: String", "a: String c: Int"), False),
        (("ONE TWO", "ONE TWO THREE"), False),
    ],
)
def test_a_breaking_change_would_be_found(change: tuple[str, str], breaks: bool) -> None:
    released = "type Query { a: String b(x: Int): Int e: E } enum E { ONE TWO }"
    assert bool(find_breaking_changes(released, released.replace(*change))) is breaks


def test_two_parts_may_not_bring_the_same_root_field() -> None:
    with pytest.raises(ValueError, match=r"Query\.platform"):
        compose("Query", (PlatformQuery, TrialQuery, PlatformQuery))


def test_a_schema_needs_a_query() -> None:
    with pytest.raises(ValueError, match="at least one query"):
        make_schema(())
