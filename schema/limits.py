"""What one request may ask for, measured before anything of it is executed.

The order is by price: count tokens with one regular expression, parse, walk the tree once, and only then run the
validation rules, of which one is quadratic in the fields of the same name.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableDefinitionNode,
)

from service.errors import ErrorCode
from service.http.bodies import BODY_SECONDS
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit of the GraphQL face. Bytes and counts unless the name says seconds."""

    body: int = 256_000
    body_seconds: float = BODY_SECONDS  # until a body must be whole
    characters: int = 65_536  # of a document; long values belong in variables
    tokens: int = 1_000
    depth: int = 12
    aliases: int = 15
    fragments: int = 30
    spreads: int = 60
    directives: int = 50
    operations: int = 10
    variables: int = 50
    variable_values: int = 2_000  # values in the JSON of the variables, nested ones included
    value_depth: int = 12  # nesting of a literal or of a variable's value
    field_pairs: int = 5_000  # pairs of fields with one response name: the overlapping-fields rule compares each
    cost: int = 5_000
    page: int = 100
    default_page: int = 50
    execution_seconds: float = 10.0
    requests_per_minute: float = 600.0
    burst: int = 100
    subscriptions: int = 20  # at once, on one WebSocket
    open_per_caller: int = 100  # operations on WebSockets, and event streams
    open_per_address: int = 1_000  # these, and the WebSockets themselves
    idle_seconds: float = 15.0  # until a WebSocket must have sent connection_init


def limits_of(settings: Settings) -> Limits:
    """The limits as a deployment sets them."""
    return Limits(
        body=settings.limit_body_bytes,
        tokens=settings.limit_tokens,
        depth=settings.limit_depth,
        aliases=settings.limit_aliases,
        characters=settings.limit_characters,
        fragments=settings.limit_fragments,
        spreads=settings.limit_spreads,
        directives=settings.limit_directives,
        operations=settings.limit_operations,
        variables=settings.limit_variables,
        variable_values=settings.limit_variable_values,
        value_depth=settings.limit_value_depth,
        field_pairs=settings.limit_field_pairs,
        subscriptions=settings.limit_subscriptions,
        open_per_caller=settings.limit_open_per_caller,
        open_per_address=settings.limit_open_per_address,
        cost=settings.limit_cost,
        page=settings.page_max,
        default_page=settings.page_default,
        execution_seconds=settings.execution_ms / 1000,
        requests_per_minute=settings.rate_per_minute,
        burst=settings.rate_burst,
    )


class QueryTooExpensive(GraphQLError):
    """A limit was passed: which one, where it stands, and what was asked."""

    def __init__(self, name: str, *, limit: float, actual: float) -> None:
        super().__init__(
            f"The request asks too much: {name.replace('_', ' ')} {actual:g}, the limit is {limit:g}.",
            extensions={
                "code": ErrorCode.QUERY_TOO_EXPENSIVE.value,
                "limit": {"name": name, "limit": limit, "actual": actual},
            },
        )


# Lexical tokens of the GraphQL specification, section 2.1, comments included. Possessive, and an unclosed string runs
# to the end, so that no source makes it go back: it takes a time linear in the length.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\"""|\\|"(?!""))*+(?:"""|\Z)'
    r'|"(?:[^"\\\n\r]|\\.)*+(?:"|(?=[\n\r])|\\?\Z)'
    r"|\#[^\n\r]*+"
    r"|[_A-Za-z][_0-9A-Za-z]*+"
    r"|-?[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
    r"|\.\.\."
    r"|[^\s,\ufeff]",
    re.DOTALL,
)


def count_tokens(source: str) -> int:
    """How many tokens a document has, comments included. Does not check that it is GraphQL."""
    return len(_TOKEN.findall(source))


def ensure_within_tokens(source: str, limits: Limits) -> None:
    """Raises QueryTooExpensive if the source is too long or has too many tokens."""
    if len(source) > limits.characters:
        raise QueryTooExpensive("characters", limit=limits.characters, actual=len(source))
    if len(source) > limits.tokens and (tokens := count_tokens(source)) > limits.tokens:
        raise QueryTooExpensive("tokens", limit=limits.tokens, actual=tokens)


def ensure_within(document: DocumentNode, limits: Limits) -> None:
    """Raises QueryTooExpensive for the first limit that the parsed document passes. Knows nothing of the schema."""
    counted = _count(document)
    for name in (
        "operations",
        "aliases",
        "fragments",
        "spreads",
        "directives",
        "variables",
        "field_pairs",
        "value_depth",
    ):
        limit = getattr(limits, name)
        if counted[name] > limit:
            raise QueryTooExpensive(name, limit=limit, actual=counted[name])
    if (depth := measure_depth(document)) > limits.depth:
        raise QueryTooExpensive("depth", limit=limits.depth, actual=depth)


def _count(document: DocumentNode) -> Counter[str]:
    counted: Counter[str] = Counter()
    names: Counter[str] = Counter()
    for node, value_depth in _walk(document):
        if isinstance(node, FieldNode):
            names[(node.alias or node.name).value] += 1
            counted["aliases"] += node.alias is not None
        elif isinstance(node, OperationDefinitionNode):
            counted["operations"] += 1
        elif isinstance(node, FragmentDefinitionNode):
            counted["fragments"] += 1
        elif isinstance(node, FragmentSpreadNode):
            counted["spreads"] += 1
        elif isinstance(node, DirectiveNode):
            counted["directives"] += 1
        elif isinstance(node, VariableDefinitionNode):
            counted["variables"] += 1
        counted["value_depth"] = max(counted["value_depth"], value_depth)
    counted["field_pairs"] = sum(count * (count - 1) // 2 for count in names.values())
    return counted


def _walk(document: DocumentNode) -> Iterator[tuple[Node, int]]:
    """Every node, with how deep literals nest there. Without recursion: the depth is the client's."""
    stack: list[tuple[Node, int]] = [(document, 0)]
    while stack:
        node, around = stack.pop()
        value_depth = around + isinstance(node, ListValueNode | ObjectValueNode)
        yield node, value_depth
        for key in node.keys:
            if key == "loc":
                continue
            child = getattr(node, key, None)
            if isinstance(child, Node):
                stack.append((child, value_depth))
            elif isinstance(child, tuple | list):
                stack.extend((each, value_depth) for each in child if isinstance(each, Node))


def measure_depth(document: DocumentNode) -> int:
    """Levels of fields, fragments expanded. Introspection is left out: a rule of its own bounds it."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    depths: dict[str, int] = {}

    def depth_of(selection_set: SelectionSetNode | None, open_fragments: frozenset[str]) -> int:
        deepest = 0
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FragmentSpreadNode):
                deepest = max(deepest, depth_of_fragment(selection.name.value, open_fragments))
            elif isinstance(selection, FieldNode):
                if not selection.name.value.startswith("__"):
                    deepest = max(deepest, 1 + depth_of(selection.selection_set, open_fragments))
            else:
                inner: SelectionSetNode = selection.selection_set  # type: ignore[attr-defined]  # an inline fragment
                deepest = max(deepest, depth_of(inner, open_fragments))
        return deepest

    def depth_of_fragment(name: str, open_fragments: frozenset[str]) -> int:
        if name in open_fragments or name not in fragments:  # a cycle or an unknown name: validation says so
            return 0
        if name not in depths:
            depths[name] = depth_of(fragments[name].selection_set, open_fragments | {name})
        return depths[name]

    return max(
        (
            depth_of(definition.selection_set, frozenset())
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
        ),
        default=0,
    )


def ensure_variables_within(variables: dict[str, object], limits: Limits) -> None:
    """Raises QueryTooExpensive if the JSON of the variables nests too deep or holds too many values."""
    count = 0
    level: list[object] = [variables]
    depth = 0
    while level:
        following: list[object] = []
        for value in level:
            if isinstance(value, dict):
                following.extend(value.values())
            elif isinstance(value, list):
                following.extend(value)
        count += len(following)
        depth += 1
        if count > limits.variable_values:
            raise QueryTooExpensive("variable_values", limit=limits.variable_values, actual=count)
        if depth > limits.value_depth + 1:
            raise QueryTooExpensive("value_depth", limit=limits.value_depth, actual=depth - 1)
        level = following
