"""What introspection comes to: its selections, counted over what the schema really holds, before anything runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import SimpleNamespace
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    StringValueNode,
    get_named_type,
    get_nullable_type,
    introspection_types,
)

DEPRECATED = "includeDeprecated"


class Introspection:
    """Counts the fields of `__schema` and `__type` selections, `most` and a little more of them at most.

    An upper bound: what is deprecated is counted, `@skip` is not believed, a type that a variable names is any of them.
    """

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], most: int) -> None:
        self._schema = schema
        self._fragments = fragments
        self._most = most
        self._count = 0
        self._counted: dict[int, int] = {}  # by the field node, since an estimate comes here for each page size

    def fields_below(self, node: FieldNode) -> int:
        """How many fields a `__schema` or `__type` at the root comes to, those of every item of every list."""
        if id(node) not in self._counted:
            self._count = 0
            whole = node.name.value == "__schema"
            items = [self._schema] if whole else self._types_named(node)
            self._selections(node.selection_set, introspection_types["__Schema" if whole else "__Type"], items, {})
            self._counted[id(node)] = self._count
        return self._counted[id(node)]

    def _types_named(self, node: FieldNode) -> Sequence[object]:
        for argument in node.arguments or ():
            if isinstance(argument.value, StringValueNode):
                found = self._schema.get_type(argument.value.value)
                return [found] if found else []
        return list(self._schema.type_map.values())

    def _selections(
        self,
        selection_set: SelectionSetNode | None,
        parent: Any,
        items: Sequence[object],
        met: dict[str, int],
    ) -> None:
        """`met`: what the fragments of these very items came to, so that none is walked twice over them."""
        for selection in selection_set.selections if selection_set else ():
            if not items or self._count > self._most:
                return
            if isinstance(selection, FieldNode):
                self._field(selection, parent, items)
            elif isinstance(selection, InlineFragmentNode):
                self._selections(selection.selection_set, parent, items, met)
            elif isinstance(selection, FragmentSpreadNode):
                self._fragment(selection.name.value, parent, items, met)

    def _fragment(self, name: str, parent: Any, items: Sequence[object], met: dict[str, int]) -> None:
        if name in met:
            self._count += met[name]
            return
        before = self._count
        self._selections(self._fragments[name].selection_set, parent, items, met)
        met[name] = self._count - before

    def _field(self, node: FieldNode, parent: GraphQLObjectType, items: Sequence[object]) -> None:
        self._count += len(items)
        field = parent.fields.get(node.name.value)
        if field is not None and node.selection_set is not None:
            below = list(islice(self._below(field, items), self._most + 1))
            self._selections(node.selection_set, get_named_type(field.type), below, {})

    def _below(self, field: GraphQLField, items: Iterable[object]) -> Iterator[object]:
        """What the field is of each item, by the library's own resolvers; the items of lists one by one."""
        listed = isinstance(get_nullable_type(field.type), GraphQLList)
        resolve, info = cast("Any", field.resolve), SimpleNamespace(schema=self._schema)
        arguments = {DEPRECATED: True} if DEPRECATED in field.args else {}
        for item in items:
            found = resolve(item, info, **arguments)
            if found is not None:
                yield from found if listed else (found,)
