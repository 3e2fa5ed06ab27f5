"""Which fields each selection of an operation comes to: found when it first runs, and kept with its document.

graphql-core finds them anew for every request, though without directives they depend on nothing but the document. An
operation under whose document any directive stands (`@include`, `@skip`) has no plan, and is collected each time.
"""

from collections.abc import Callable
from typing import Any

from graphql import DirectiveNode, DocumentNode, GraphQLObjectType, Visitor, visit
from graphql.language import VisitorAction


class Plan:
    """The collected fields of one operation, by the type of the object and the field nodes that select from it.

    Keeps at most so many selections: fragments within fragments come to far more of them than a document has tokens.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._root: dict[str, Any] | None = None
        self._below: dict[tuple[GraphQLObjectType, int], tuple[Any, Any]] = {}

    def __len__(self) -> int:
        return len(self._below)

    def root(self, collected: dict[str, Any]) -> dict[str, Any]:
        """The fields of the operation itself: the first that were collected, since what is below goes by identity."""
        if self._root is None:
            self._root = collected
        return self._root

    def below(self, of: GraphQLObjectType, details: Any, collect: Callable[[GraphQLObjectType, Any], Any]) -> Any:
        """What `collect(of, details)` comes to. `details` is kept beside it, so that its id stays its own."""
        kept = self._below.get((of, id(details)))
        if kept is not None:
            return kept[1]
        collected = collect(of, details)
        if len(self._below) < self._most:
            self._below[of, id(details)] = (details, collected)
        return collected


def plan_of(document: DocumentNode, tokens: int) -> Plan | None:
    """An empty plan for one operation of the document; None where a directive may choose among the fields."""
    found = _Directives()
    visit(document, found)
    return None if found.any else Plan(most=tokens // 2)  # a selection takes three tokens at least


class _Directives(Visitor):
    any = False

    def enter_directive(self, node: DirectiveNode, *_: Any) -> VisitorAction:  # noqa: ARG002 - a visitor's signature
        self.any = True
        return self.BREAK
