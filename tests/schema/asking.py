"""Documents made from the schema itself: all fields of a type, all arguments of a field, as deep as one wants."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from schema.build import public_schema
from schema.cost import is_connection
from schema.permissions import ACTIONS, OnlyFor
from service.policy import Action

SCHEMA = public_schema()._schema


def definition_of(field: GraphQLField) -> Any:
    return field.extensions["strawberry-definition"]


def actions_of(field: GraphQLField) -> tuple[Action, ...]:
    """The acts that a root field's service asks the policy for."""
    found: tuple[Action, ...] = definition_of(field).metadata.get(ACTIONS, ())
    return found


def only_for(field: GraphQLField) -> Action | None:
    """The act without which the field is null."""
    found = [each.action for each in definition_of(field).extensions if isinstance(each, OnlyFor)]
    return found[0] if found else None


def selection(name: str, depth: int) -> str:
    """All fields of a type that need no arguments, and theirs, `depth` things deep. A connection is no thing."""
    named = SCHEMA.type_map[name]
    if is_connection(named):
        node = selection(name.removesuffix("Connection"), depth)
        return f"{{ totalCount pageInfo {{ startCursor endCursor }} nodes {node} }}"
    if not isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    parts = ["__typename"]
    for key, field in named.fields.items():
        inner = get_named_type(field.type)
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if is_leaf_type(inner):
            parts.append(key)
        elif depth:
            parts.append(f"{key} {selection(inner.name, depth - 1)}")
    return f"{{ {' '.join(parts)} }}"


def value(kind: GraphQLInputType, given: Mapping[str, Any], name: str = "") -> Any:
    """Something of that type: what `given` has for that name, else a value that fits and means nothing.

    What is optional is left out where `given` has nothing for it.
    """
    if name in given:
        return given[name]
    if isinstance(kind, GraphQLNonNull):
        return value(kind.of_type, given, name)
    if isinstance(kind, GraphQLList):
        return []
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        return {
            key: value(field.type, given, key)
            for key, field in kind.fields.items()
            if key in given or isinstance(field.type, GraphQLNonNull)
        }
    return {"Boolean": False, "Int": 1, "Date": "2026-11-22", "DateTime": "2026-11-22T08:00:00Z"}.get(kind.name, "x")


def everything() -> list[str]:
    """Documents that ask for all there is, by every root field: lists one thing deep, a participant (`$id`) two."""
    assert SCHEMA.query_type is not None
    documents = [f"query ($id: ID!) {{ participant(id: $id) {selection('Participant', 2)} }}"]
    for name, field in SCHEMA.query_type.fields.items():
        if name != "participant" and not any(is_required_argument(each) for each in field.args.values()):
            documents.append(f"{{ {name} {selection(get_named_type(field.type).name, 1)} }}")
    return documents
