"""What must not be kept of a request is taken out of it here: secrets, tokens, private keys, personal data.

By name, wherever a value stands under a name that says what it is (also when a variable carries it there), and by form,
wherever it stands. A value that has a private form in it goes as a whole. What was taken out is remembered for as long
as the exchange is being made, so that errors which repeat it lose it as well.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLError,
    Lexer,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    Source,
    StringValueNode,
    TokenKind,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    visit,
)

from service.logs import PRIVATE_FORMS, PRIVATE_NAMES

MASK = "[masked]"
DEEPEST = 20
MOST_TOKENS = 5_000
KEPT_DOCUMENTS = 256

NAMES = frozenset({"name", "email", "idcard", "identitynumber"})
SEARCHES = frozenset({("filter", "text")})  # what is looked for among people is mostly a person's name
FORMS = re.compile(
    PRIVATE_FORMS.pattern
    + r"|\bsbx_secret_[\w-]*|\bwhsec_[\w+/=-]*"
    + r"|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # begun where a word begins, else long words take minutes
    + r"|(?<![0-9A-Za-z])\+\d(?:[ ().-]{0,2}\d){6,16}(?![0-9A-Za-z])"  # E.164, however it is set
    + r"|(?<![0-9A-Za-z+])(?:(?:00)?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}(?![0-9A-Za-z])"  # a Chinese mobile number
    + r"|(?<![0-9A-Za-z])0\d{2,3}-\d{7,8}(?![0-9A-Za-z])",  # and a landline
    PRIVATE_FORMS.flags | re.IGNORECASE,
)
_LITERAL = re.compile(r'"""[\s\S]*?(?:"""|\Z)|"(?:\\.|[^"\\\n])*(?:"|$)', re.MULTILINE)
_ECHO = re.compile(r"(invalid value|found|value:) .*?(?=; |\Z)", re.DOTALL)
_QUOTED = re.compile(r"""(["']).{4,}\1""", re.DOTALL)


def is_private(name: str, within: str = "") -> bool:
    """Whether what stands under this name (within that one) is a secret or personal, whatever it looks like."""
    plain = name.lower().replace("_", "")
    return plain in NAMES or (within, name) in SEARCHES or PRIVATE_NAMES.search(name) is not None


def has_private_form(text: str) -> bool:
    return FORMS.search(text) is not None


@dataclass(frozen=True, slots=True)
class MaskedDocument:
    """A document as it may be kept. `private` are the variables that it carries to private places; None: any may be."""

    text: str
    private: frozenset[str] | None
    hidden: frozenset[str] = field(repr=False)
    operation: tuple[str | None, str | None] = (None, None)  # name and kind, where there is only one


@dataclass(slots=True)
class Masking:
    """The masking of one exchange: first its document, then its variables, then all other texts.

    `private`: see MaskedDocument; it comes with the document.
    """

    private: frozenset[str] | None = None
    hidden: set[str] = field(default_factory=set, repr=False)
    operation: tuple[str | None, str | None] = (None, None)

    @property
    def anything(self) -> bool:
        return bool(self.hidden)

    def document(self, text: str) -> str:
        masked = _kept.get(text) or mask_document(text)
        if not masked.hidden:  # what is remembered from one request to the next holds nothing private
            if len(_kept) >= KEPT_DOCUMENTS:
                _kept.clear()
            _kept[text] = masked
        self.hidden |= masked.hidden
        self.private, self.operation = masked.private, masked.operation
        return masked.text

    def variables(self, given: Mapping[str, Any]) -> dict[str, Any]:
        private = self.private
        return {
            self._key(name): self._value(value, name, "", private is None or name in private)
            for name, value in given.items()
        }

    def text(self, text: str) -> str:
        """Any text that may repeat what the client sent."""
        found = [value for value in self.hidden if value in text]  # there may be very many, and each has a pattern
        for value in sorted(found, key=len, reverse=True):
            text = re.sub(rf"(?<![0-9A-Za-z]){re.escape(value)}(?![0-9A-Za-z])", MASK, text)
        return FORMS.sub(MASK, text)

    def message(self, text: str) -> str:
        """The text of an error. GraphQL's own quote what was sent, cut short and escaped: that part goes."""
        if self.anything:
            text = _QUOTED.sub(MASK, _ECHO.sub(rf"\1 {MASK}", text))
        return self.text(text)

    def _key(self, name: str) -> str:
        return self._take(name) if has_private_form(name) else name

    def _value(self, value: Any, name: str, within: str, private: bool, depth: int = 0) -> Any:  # noqa: FBT001 - as a rule
        private = private or is_private(name, within)
        if depth > DEEPEST:
            return MASK
        if isinstance(value, Mapping):
            return {
                self._key(str(key)): self._value(each, str(key), name, private, depth + 1)
                for key, each in value.items()
            }
        if isinstance(value, list):
            return [self._value(each, name, within, private, depth + 1) for each in value]
        if value is None or isinstance(value, bool):
            return value
        return self._take(value) if private or has_private_form(str(value)) else value

    def _take(self, value: Any) -> str:
        self.hidden.add(str(value))
        return MASK


_kept: dict[str, MaskedDocument] = {}


def mask_document(text: str) -> MaskedDocument:
    """Total: what does not parse loses every literal, and whatever its variables hold."""
    try:
        parsed = parse(text, max_tokens=MOST_TOKENS)
    except (GraphQLError, RecursionError):
        return _mask_unread(text)
    finder = _Finder(parsed)
    for start, end in sorted(finder.places, reverse=True):
        text = f'{text[:start]}"{MASK}"{text[end:]}'
    loose = {each.group() for each in FORMS.finditer(text)}
    hidden = frozenset(finder.values | loose)
    return MaskedDocument(FORMS.sub(MASK, text), frozenset(finder.variables), hidden, _only_operation(parsed))


def _only_operation(document: DocumentNode) -> tuple[str | None, str | None]:
    found = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if len(found) != 1:
        return None, None
    return found[0].name.value if found[0].name else None, found[0].operation.value


def _mask_unread(text: str) -> MaskedDocument:
    hidden = {each.group().strip('"') for each in _LITERAL.finditer(text)} - {""}
    hidden |= {each.group() for each in FORMS.finditer(text)} | set(_decoded(text))
    return MaskedDocument(FORMS.sub(MASK, _LITERAL.sub(f'"{MASK}"', text)), None, frozenset(hidden))


def _decoded(text: str) -> Iterator[str]:
    """The strings of a document as they are meant, up to where it stops being one; no service reads on either."""
    lexer = Lexer(Source(text))
    try:
        for _ in range(MOST_TOKENS):
            token = lexer.advance()
            if token.kind is TokenKind.EOF:
                return
            if token.kind in {TokenKind.STRING, TokenKind.BLOCK_STRING} and token.value:
                yield token.value
    except GraphQLError:
        return


class _Finder(Visitor):
    """Finds the literals of a document that are to go, and the variables that stand where private values do."""

    def __init__(self, document: DocumentNode) -> None:
        super().__init__()
        self.places: set[tuple[int, int]] = set()
        self.values: set[str] = set()
        self.variables: set[str] = set()
        self._defaults: list[VariableDefinitionNode] = []
        visit(document, self)
        for each in self._defaults:  # when it is known which variables are private
            name = each.variable.name.value
            self._look(each.default_value, "", name, name in self.variables or is_private(name))

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        name = node.name.value
        self._look(node.value, "", name, is_private(name))

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> None:
        if node.default_value is not None:
            self._defaults.append(node)

    def _look(self, node: ValueNode | None, within: str, name: str, private: bool) -> None:  # noqa: FBT001 - as a rule
        if isinstance(node, VariableNode):
            if private:
                self.variables.add(node.name.value)
        elif isinstance(node, ListValueNode):
            for each in node.values:
                self._look(each, within, name, private)
        elif isinstance(node, ObjectValueNode):
            for member in node.fields:
                inner = member.name.value
                self._look(member.value, name, inner, private or is_private(inner, name))
        elif node is not None and node.loc is not None:
            self._leaf(node, private)

    def _leaf(self, node: ValueNode, private: bool) -> None:  # noqa: FBT001 - as a rule
        value = getattr(node, "value", None)  # null and the booleans give nothing away
        if isinstance(value, str) and (private or has_private_form(value)) and node.loc is not None:
            self.places.add((node.loc.start, node.loc.end))
            self.values.add(value)
            if isinstance(node, StringValueNode):
                self.values.add(node.loc.source.body[node.loc.start : node.loc.end].strip('"'))
