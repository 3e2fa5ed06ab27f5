"""Leaf fields that are plain attributes of their object, read without the ceremony of a resolver.

graphql-core spends about 5 us on each field: a path, a resolve info, a chain of type tests. For an attribute that
becomes a scalar or an enum none of that is looked at. Whatever is not that plain, a null where none may be and every
failure included, goes graphql-core's own way: to read an attribute twice does no harm, and the error is then its error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, is_leaf_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

from schema.plans import Plan

LEAVES = "prop-leaves"  # where an object type keeps its leaves, in its `extensions`


@dataclass(frozen=True, slots=True)
class Leaf:
    attribute: str
    coerce: Callable[[Any], Any]
    nullable: bool


def note_leaves(schema: GraphQLSchema) -> None:
    """Notes on each object type of the schema which of its fields are plain. Done once, when the schema is built."""
    for named in schema.type_map.values():
        if isinstance(named, GraphQLObjectType):
            found = {name: _leaf_of(field) for name, field in named.fields.items()}
            named.extensions[LEAVES] = {name: leaf for name, leaf in found.items() if leaf is not None}


def _leaf_of(field: GraphQLField) -> Leaf | None:
    nullable = not isinstance(field.type, GraphQLNonNull)
    named = field.type if nullable else field.type.of_type  # type: ignore[union-attr]  # a GraphQLNonNull has it
    definition = field.extensions.get("strawberry-definition")
    if not isinstance(definition, StrawberryField) or definition.default_resolver is not getattr:
        return None
    if not definition.is_basic_field or field.args or not is_leaf_type(named):
        return None
    return Leaf(definition.python_name, named.coerce_output_value, nullable)


class LeafExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, with the plain leaves of each object read first. The order stays the document's.

    With a `plan`, the fields of a selection are collected once for all runs of the operation.
    """

    plan: Plan | None = None

    def execute_collected_root_fields(
        self, root_type: GraphQLObjectType, root_value: Any, grouped_field_set: Any, *more: Any
    ) -> Any:
        if self.plan is not None:
            grouped_field_set = self.plan.root(grouped_field_set)
        return super().execute_collected_root_fields(root_type, root_value, grouped_field_set, *more)

    def collect_subfields(self, return_type: GraphQLObjectType, field_details_list: Any) -> Any:
        if self.plan is None:
            return super().collect_subfields(return_type, field_details_list)
        return self.plan.below(return_type, field_details_list, super().collect_subfields)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        leaves: Mapping[str, Leaf] = parent_type.extensions.get(LEAVES, {})
        read: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for response_name, details in grouped_field_set.items():
            leaf = leaves.get(details[0].node.name.value)
            if leaf is None or not _read(leaf, source_value, response_name, read):
                rest[response_name] = details
        if not rest:
            return read
        resolved = super().execute_fields(parent_type, source_value, path, rest, position_context)
        if not read:
            return resolved
        if isinstance(resolved, dict):
            return _merged(grouped_field_set, read, resolved)

        async def merge() -> dict[str, Any]:
            return _merged(grouped_field_set, read, await resolved)

        return merge()


def _read(leaf: Leaf, source: Any, response_name: str, into: dict[str, Any]) -> bool:
    """Whether the leaf could be read; its value is then under its response name."""
    try:
        value = getattr(source, leaf.attribute)
        if hasattr(value, "__await__"):
            return False
        if value is not None:
            value = leaf.coerce(value)
    except Exception:
        return False
    if value is None and not leaf.nullable:
        return False
    into[response_name] = value
    return True


def _merged(order: Mapping[str, Any], read: dict[str, Any], resolved: dict[str, Any]) -> dict[str, Any]:
    return {name: read[name] if name in read else resolved[name] for name in order if name in read or name in resolved}
