"""What an operation may cost, computed from the document and the schema before anything runs.

Every field costs 1, times the sizes of the lists around it. A connection's size is its `first` or `last`; that of any
other list is what its `@listSize` declares. A field that goes to the database by itself costs READ_COST more for each
time: a connection, its count, whatever says so with `reads`. Introspection goes to none: SCHEMA_FIELDS of its fields
cost 1. A subscription pays once for many events: SUBSCRIBED times as much. An upper bound: a field met twice counts
twice, `@skip` is not believed.
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
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)
from strawberry.schema_directive import Location

from schema.introspection import Introspection
from schema.limits import Limits, QueryTooExpensive

UNDECLARED = 100  # the size of a list that declares none; the schema's own test lets none pass
READ_COST = 10
SCHEMA_FIELDS = 10
SUBSCRIBED = 10
KEPT_COSTS = 8  # of one operation, by its page sizes
ABSENT = "absent"  # and not null: a variable that is left out has its default
PAGED = frozenset({"edges", "nodes"})
TOTAL = "totalCount"


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How many items the cost of a query counts for this list, which has no `first`.",
)
class ListSize:
    assumed_size: int


READS = "reads"


def reads(times: int = 1) -> dict[object, object]:
    """The metadata of a field that goes to the database by itself, and not through a loader."""
    return {READS: times}


def reads_of(field: GraphQLField, name: str, parent: GraphQLNamedType | None) -> int:
    """How many times a field goes to the database for one object: a connection and its count once each."""
    if is_connection(get_named_type(field.type)) or (name == TOTAL and is_connection(parent)):
        return 1
    definition = field.extensions.get("strawberry-definition")
    return int(definition.metadata.get(READS, 0)) if definition else 0


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
        most = self.estimate.limits.page
        key = tuple([_within(variables[name], most) if name in variables else ABSENT for name in self.sizes])
        cost = self.known.get(key)
        if cost is None:
            cost = self.estimate.of(self.operation, variables)
            if len(self.known) < KEPT_COSTS:
                self.known[key] = cost
        return cost


def _within(value: object, most: int) -> int | None:
    """The size that a page has: out of bounds counts as the bound, since the field refuses it, by name."""
    size = _as_size(value)
    return None if size is None else max(1, min(size, most))


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
        self.introspection = Introspection(schema, fragments, limits.cost * SCHEMA_FIELDS)

    def of(self, operation: OperationDefinitionNode, variables: Mapping[str, object]) -> int:
        root = self.schema.get_root_type(operation.operation)
        cost = self._selections(operation.selection_set, root, 1, {**self.defaults, **variables}, {})
        return cost * SUBSCRIBED if operation.operation is OperationType.SUBSCRIPTION else cost

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
        if name in {"__schema", "__type"}:
            return 1 + self.introspection.fields_below(node) // SCHEMA_FIELDS
        field = parent.fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None
        if field is None:
            return 1
        if is_list(field):
            size = page if name in PAGED and is_connection(parent) else declared_size(field) or UNDECLARED
        else:
            size = 1
        named = get_named_type(field.type)
        inner_page = self._page(node, variables) if is_connection(named) else 1
        inner = size * self._selections(node.selection_set, named, inner_page, variables, priced)
        return 1 + READ_COST * reads_of(field, name, parent) + inner

    def _page(self, node: FieldNode, variables: Mapping[str, object]) -> int:
        """`first` or `last` as asked."""
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
