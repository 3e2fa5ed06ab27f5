"""What a GraphQL document asks for at its root: each field with its arguments and what is selected below it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    value_from_ast_untyped,
)

DEEPEST = 12
MOST_PATHS = 500


@dataclass(frozen=True, slots=True)
class RootField:
    """`selects` are dotted paths of field names: `chapters.articles.text`."""

    name: str
    arguments: Mapping[str, Any]
    selects: tuple[str, ...]


def root_fields(document: str | None, operation_name: str | None, variables: Mapping[str, Any]) -> list[RootField]:
    """Those of the operation that was run; none of a text that is no document."""
    try:
        parsed = parse(document or "", no_location=True)
    except (GraphQLError, RecursionError):
        return []
    fragments = {each.name.value: each for each in parsed.definitions if isinstance(each, FragmentDefinitionNode)}
    operation = _operation(parsed, operation_name)
    if operation is None:
        return []
    return [
        RootField(each.name.value, _arguments(each, variables), _selected(each, fragments))
        for each in _fields(operation.selection_set, fragments)
    ]


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    named = [each for each in operations if each.name is not None and each.name.value == name]
    if named:
        return named[0]
    return operations[0] if len(operations) == 1 else None


def _fields(
    selections: SelectionSetNode | None, fragments: Mapping[str, FragmentDefinitionNode], depth: int = 0
) -> Iterator[FieldNode]:
    """The fields of a selection, those of its fragments among them. A fragment in itself ends with the depth."""
    if selections is None or depth > DEEPEST:
        return
    for each in selections.selections:
        if isinstance(each, FieldNode):
            yield each
        elif isinstance(each, InlineFragmentNode):
            yield from _fields(each.selection_set, fragments, depth + 1)
        elif isinstance(each, FragmentSpreadNode) and each.name.value in fragments:
            yield from _fields(fragments[each.name.value].selection_set, fragments, depth + 1)


def _arguments(field: FieldNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name.value: value_from_ast_untyped(each.value, dict(variables)) for each in field.arguments or ()}


def _selected(field: FieldNode, fragments: Mapping[str, FragmentDefinitionNode]) -> tuple[str, ...]:
    paths: list[str] = []

    def walk(selections: SelectionSetNode | None, before: str, depth: int) -> None:
        if depth > DEEPEST:
            return
        for each in _fields(selections, fragments):
            if len(paths) >= MOST_PATHS:
                return
            path = f"{before}{each.name.value}"
            paths.append(path)
            walk(each.selection_set, f"{path}.", depth + 1)

    walk(field.selection_set, "", 0)
    return tuple(paths)
