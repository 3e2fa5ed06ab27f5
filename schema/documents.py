"""Documents, made ready once and kept: parsed, measured, validated, priced. And those a client may name, not send."""

import hashlib
import hmac
import re
import sys
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import orjson
import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from schema.cost import OperationCost, estimate_cost
from schema.errors import FormattedError, RequestCode, RequestRefused, format_request_error
from schema.limits import Limits, QueryTooExpensive, count_tokens, ensure_within, ensure_within_tokens
from schema.plans import Plan, plan_of
from service.errors import ErrorCode
from service.settings_reading import SettingsError

V = TypeVar("V")

# One tuple for open and one for closed introspection, built once: a rule class made per request defeats every cache.
RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
RULES_WITHOUT_INTROSPECTION = (*RULES, NoSchemaIntrospectionCustomRule)
MAX_ERRORS = 20
LARGEST_KEPT = 16_000  # characters: longer documents are served, not kept
TOKEN_BYTES = 500  # that a parsed token takes with what hangs on it
KEPT_WEIGHT = 100_000  # of all documents: tokens, or as many times TOKEN_BYTES of text; with the plans 100 MB at most
KEPT_TEXTS = 10_000_000  # bytes of the texts that clients name by their hashes
SHA256 = re.compile("[0-9a-fA-F]{64}")


class DocumentRefused(Exception):
    """A document that will not run: the entries of `errors`."""

    def __init__(self, errors: list[FormattedError]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document, ready to run."""

    document: DocumentNode
    node: OperationDefinitionNode
    cost: OperationCost
    plan: Plan | None

    @property
    def type(self) -> OperationType:
        return self.node.operation

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that has been measured and validated, with its operations by name."""

    operations: Mapping[str | None, Operation]
    weight: int

    def operation(self, name: str | None) -> Operation:
        """Raises DocumentRefused if there is no such operation, or several and no name."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        found = self.operations.get(name) if name is not None else None
        if found is None:
            message = (
                f"Unknown operation named {name[:64]!r}."
                if name is not None
                else "The document has several operations: say which in operationName."
            )
            raise DocumentRefused([{"message": message, "extensions": {"code": RequestCode.BAD_REQUEST.value}}])
        return found


class Recent(Generic[V]):
    """The values used last, as many as their weights allow."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._kept: OrderedDict[object, tuple[int, V]] = OrderedDict()

    def find(self, key: object) -> V | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._kept.move_to_end(key)
        return kept[1]

    def keep(self, key: object, value: V, weight: int = 1) -> None:
        if key in self._kept:
            return
        self._kept[key] = (weight, value)
        self._weight += weight
        while self._weight > self._capacity:
            self._weight -= self._kept.popitem(last=False)[1][0]

    def __len__(self) -> int:
        return len(self._kept)


@dataclass(slots=True)
class Documents:
    """Every document of one schema. `trusted` maps ids to texts; with `only_trusted` nothing else is served."""

    schema: strawberry.Schema
    limits: Limits
    trusted: Mapping[str, str] = field(default_factory=dict)
    only_trusted: bool = False
    _prepared: Recent[Prepared] = field(init=False)
    _named: Recent[str] = field(init=False)
    _texts: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._prepared = Recent(KEPT_WEIGHT)
        self._named = Recent(KEPT_TEXTS)
        self._texts = frozenset(self.trusted.values())

    @property
    def graphql_schema(self) -> GraphQLSchema:
        """graphql-core's schema under strawberry's, which offers no public way to it."""
        return self.schema._schema  # noqa: SLF001 - see above

    def source(self, query: str | None, document_id: str | None, extensions: Mapping[str, object] | None) -> str:
        """The text that a request means: sent, named by `documentId`, or by its hash (`extensions.persistedQuery`).

        Raises RequestRefused for a request that names nothing, or a hash that is not the text's; DocumentRefused for a
        name that is not known, and for a text that is not among the trusted where only those are served.
        """
        digest = _persisted_hash(extensions)
        if digest is not None and query is None and document_id is not None:
            raise RequestRefused(400, RequestCode.BAD_REQUEST, "Name a document by documentId or by hash, not by both.")
        if digest is not None and query is not None and not hmac.compare_digest(digest, sha256_of(query)):
            raise RequestRefused(
                400, RequestCode.BAD_REQUEST, "The persistedQuery hash is not the SHA-256 of the query."
            )
        if query is None:
            named = document_id or digest
            if named is None:
                raise RequestRefused(400, RequestCode.BAD_REQUEST, "The request has no query and names no document.")
            return self._named_source(named)
        if self.only_trusted and query not in self._texts:
            raise DocumentRefused(
                [_error(RequestCode.TRUSTED_DOCUMENT_REQUIRED, "Only registered documents are served.")]
            )
        return query

    def _named_source(self, name: str) -> str:
        digest = name.removeprefix("sha256:")
        found = self.trusted.get(name) or self.trusted.get(digest)
        if found is None and not self.only_trusted:
            found = self._named.find(digest)
        if found is None:
            raise DocumentRefused([_error(RequestCode.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")])
        return found

    def remember(self, source: str, extensions: Mapping[str, object] | None) -> None:
        """Keeps a prepared document's text under its own hash, if the client asked for that.

        A request that names one document and claims the hash of another changes nothing: others run what they hashed.
        """
        digest = _persisted_hash(extensions)
        if digest is None or len(source) > LARGEST_KEPT or self._named.find(digest) is not None:
            return
        if hmac.compare_digest(digest, sha256_of(source)):
            self._named.keep(digest, source, sys.getsizeof(source))

    def prepared(self, source: str, *, introspection: bool) -> Prepared:
        """The document, made ready. Raises DocumentRefused with what is wrong with it."""
        key = (source, introspection)
        found = self._prepared.find(key)
        if found is None:
            found = self._prepare(source, introspection=introspection)
            if len(source) <= LARGEST_KEPT:
                self._prepared.keep(key, found, found.weight)
        return found

    def _prepare(self, source: str, *, introspection: bool) -> Prepared:
        try:
            ensure_within_tokens(source, self.limits)
            document = parse(source)
            ensure_within(document, self.limits)
        except QueryTooExpensive as error:
            raise DocumentRefused([format_request_error(error, ErrorCode.QUERY_TOO_EXPENSIVE)]) from error
        except GraphQLError as error:
            raise DocumentRefused([format_request_error(error, RequestCode.GRAPHQL_PARSE_FAILED)]) from error
        errors = validate(
            self.graphql_schema,
            document,
            RULES if introspection else RULES_WITHOUT_INTROSPECTION,
            max_errors=MAX_ERRORS,
            hide_suggestions=not introspection,
        )
        if errors:
            raise DocumentRefused(
                [format_request_error(error, RequestCode.GRAPHQL_VALIDATION_FAILED) for error in errors]
            )
        tokens = count_tokens(source)
        weight = max(tokens, sys.getsizeof(source) // TOKEN_BYTES)  # a comment is no token, and may be long
        return Prepared(self._operations(document, tokens), weight)

    def _operations(self, document: DocumentNode, tokens: int) -> dict[str | None, Operation]:
        return {
            (node.name.value if node.name else None): Operation(
                document,
                node,
                estimate_cost(self.graphql_schema, document, node, self.limits),
                plan_of(document, tokens),
            )
            for node in _operation_nodes(document)
        }


def read_trusted(path: Path) -> dict[str, str]:
    """The documents registered beforehand: a JSON object from id to text. Raises SettingsError."""
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError((f"{path} cannot be read as JSON: name a file of trusted documents.",)) from error
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise SettingsError((f"{path} must be one JSON object, from the id of a document to its text.",))
    return found


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _operation_nodes(document: DocumentNode) -> Iterable[OperationDefinitionNode]:
    return (each for each in document.definitions if isinstance(each, OperationDefinitionNode))


def _persisted_hash(extensions: Mapping[str, object] | None) -> str | None:
    """`extensions.persistedQuery.sha256Hash` of version 1 of the protocol, lower-case; None if there is none."""
    persisted = extensions.get("persistedQuery") if extensions else None
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise RequestRefused(
            400, RequestCode.BAD_REQUEST, "extensions.persistedQuery must be {version: 1, sha256Hash}."
        )
    digest = persisted.get("sha256Hash")
    if not isinstance(digest, str) or not SHA256.fullmatch(digest):
        raise RequestRefused(400, RequestCode.BAD_REQUEST, "persistedQuery.sha256Hash must be 64 hexadecimal digits.")
    return digest.lower()


def _error(code: RequestCode, message: str) -> FormattedError:
    return {"message": message, "extensions": {"code": code.value}}
