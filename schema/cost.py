"""What an operation may cost, computed from the document and the schema before anything runs.

Every field costs 1, times the sizes of the lists around it. A connection's size is its `first` or `last`; that of any
other list is what its `@listSize` declares. An upper bound: a field met twice counts twice, `@skip` is not believed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)
from strawberry.schema_directive import Location

from schema.limits import Limits, QueryTooExpensive

UNDECLARED = 100  # the size of a list that declares none; the schema's own test lets none pass
SCHEMA_COST = 1_000  # `__schema`: the whole of it is some thousand fields, whatever is selected
TYPE_COST = 50
ABSENT = "absent"  # and not null: a variable that is left out has its default
PAGED = frozenset({"edges", "nodes"})


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How many items the cost of a query counts for this list, which has no `first`.",
)
class ListSize:
    assumed_size: int


def declared_size(field: GraphQLField) -> int | None:
    """The size that `@listSize` declares for a field, or None."""
    definition = field.extensions.get("strawberry-definition")
    for directive in getattr(definition, "directives", ()):
        if isinstance(directive, ListSize):
            return directive.assumed_size
    return None


def is_connection(named: GraphQLNamedType | None) -> bool:
    return isinstance(named, GraphQLObjectType) and "pageInfo" in named.fields and "edges" in named.fields


def is_list(field: GraphQLField) -> bool:
    of = field.type
    return isinstance(of.of_type if isinstance(of, GraphQLNonNull) else of, GraphQLList)


@dataclass(frozen=True, slots=True)
class OperationCost:
    """The cost of one operation: a number, or a function of those variables that are page sizes."""

    estimate: "_Estimate"
    operation: OperationDefinitionNode
    sizes: tuple[str, ...]
    known: dict[tuple[object, ...], int]

    def of(self, variables: Mapping[str, object]) -> int:
        key = tuple([_as_size(variables[name]) if name in variables else ABSENT for name in self.sizes])
        cost = self.known.get(key)
        if cost is None:
            cost = self.estimate.of(self.operation, variables)
            if len(self.known) < 256:
                self.known[key] = cost
        return cost


def _as_size(value: object) -> int | None:
    """What GraphQL's Int takes for a number: 100.0 is 100. None for null, and for what will be refused."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def estimate_cost(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, limits: Limits
) -> OperationCost:
    """The cost of an operation of a document that has been validated."""
    defaults = {
        each.variable.name.value: int(each.default_value.value)
        for each in operation.variable_definitions or ()
        if isinstance(each.default_value, IntValueNode)
    }
    estimate = _Estimate(schema, _fragments_of(document), limits, defaults)
    estimate.of(operation, {})  # collects the variables that are page sizes
    return OperationCost(estimate, operation, tuple(sorted(estimate.sizes)), {})


def ensure_affordable(cost: int, limits: Limits) -> None:
    if cost > limits.cost:
        raise QueryTooExpensive("cost", limit=limits.cost, actual=cost)


def _fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}


class _Estimate:
    """Walks an operation's selections against the schema. A fragment is priced once for each page size around it."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        limits: Limits,
        defaults: Mapping[str, int],
    ) -> None:
        self.schema = schema
        self.fragments = fragments
        self.limits = limits
        self.defaults = defaults
        self.sizes: set[str] = set()

    def of(self, operation: OperationDefinitionNode, variables: Mapping[str, object]) -> int:
        root = self.schema.get_root_type(operation.operation)
        return self._selections(operation.selection_set, root, 1, {**self.defaults, **variables}, {})

    def _selections(
        self,
        selection_set: SelectionSetNode | None,
        parent: GraphQLNamedType | None,
        page: int,
        variables: Mapping[str, object],
        priced: dict[tuple[str, int], int],
    ) -> int:
        cost = 0
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode):
                cost += self._field(selection, parent, page, variables, priced)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self.schema.get_type(condition.name.value) if condition else parent
                cost += self._selections(selection.selection_set, inner, page, variables, priced)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if (name, page) not in priced:
                    fragment = self.fragments[name]
                    inner = self.schema.get_type(fragment.type_condition.name.value)
                    priced[name, page] = self._selections(fragment.selection_set, inner, page, variables, priced)
                cost += priced[name, page]
        return cost

    def _field(
        self,
        node: FieldNode,
        parent: GraphQLNamedType | None,
        page: int,
        variables: Mapping[str, object],
        priced: dict[tuple[str, int], int],
    ) -> int:
        name = node.name.value
        if name.startswith("__"):
            return {"__schema": SCHEMA_COST, "__type": TYPE_COST}.get(name, 1)
        field = parent.fields[name] if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None
        if field is None:
            return 1
        if is_list(field):
            size = page if name in PAGED and is_connection(parent) else declared_size(field) or UNDECLARED
        else:
            size = 1
        named = get_named_type(field.type)
        inner_page = self._page(node, variables) if is_connection(named) else 1
        return 1 + size * self._selections(node.selection_set, named, inner_page, variables, priced)

    def _page(self, node: FieldNode, variables: Mapping[str, object]) -> int:
        """`first` or `last` as asked. Out of bounds counts as the largest page: the field refuses it, by name."""
        asked: Any = None
        for argument in node.arguments or ():
            if argument.name.value in {"first", "last"}:
                if isinstance(argument.value, VariableNode):
                    self.sizes.add(argument.value.name.value)
                    asked = asked or _as_size(variables.get(argument.value.name.value))
                elif isinstance(argument.value, IntValueNode):
                    asked = asked or int(argument.value.value)
        if asked is None:
            return self.limits.default_page
        return max(1, min(int(asked), self.limits.page))
