"""Records as documents: one declaration, the frozen dataclass, gives the `$jsonSchema`, the encoding and the decoding.

Keys are the field names in camelCase; `id` is `_id`. Enums are their values, dates are ISO 8601 strings, tuples are
arrays, nested records are objects. Both ways are checked: a document that does not fit is Malformed, never a guess.
"""

import dataclasses
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pymongo import ReplaceOne

from service.pagination import Page, PageRequest
from service.refusals import RefusalCode, refuse
from service.storage.database import Collection, Database, Document, Index, Session
from service.storage.pages import find_page

T = TypeVar("T")


class Malformed(Exception):
    """A document is not what its record declares: somebody else wrote it, or the code forgot a migration."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """How values of one type are stored: their schema, and the way there and back."""

    schema: Mapping[str, object]
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _same(value: Any) -> Any:
    return value


def _checked(wanted: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not wanted:
            raise Malformed(f"a {type(value).__name__} where a {wanted.__name__} belongs")
        return value

    return check


def _whole(value: Any) -> int:
    """The driver answers those beyond 32 bits as a type of its own."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(f"a {type(value).__name__} where an int belongs")
    return int(value)


def _aware(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Malformed("not an aware time")
    return value


_PLAIN: Mapping[type, _Shape] = {
    str: _Shape({"bsonType": "string"}, _checked(str), _checked(str)),
    bool: _Shape({"bsonType": "bool"}, _checked(bool), _checked(bool)),
    int: _Shape({"bsonType": ["int", "long"]}, _checked(int), _whole),
    bytes: _Shape({"bsonType": "binData"}, _checked(bytes), _checked(bytes)),
    datetime: _Shape({"bsonType": "date"}, _aware, _aware),
    date: _Shape(
        {"bsonType": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}, lambda day: day.isoformat(), date.fromisoformat
    ),
}


def _shape_of(annotation: Any) -> _Shape:
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType} and len(arguments) == 2 and types.NoneType in arguments:
        return _optional(_shape_of(next(each for each in arguments if each is not types.NoneType)))
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _many(_shape_of(arguments[0]))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _Shape({"enum": [member.value for member in annotation]}, lambda member: member.value, annotation)
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return _object(annotation)
    raise TypeError(f"no way to store {annotation}")


def _optional(shape: _Shape) -> _Shape:
    def encode(value: Any) -> Any:
        return None if value is None else shape.encode(value)

    def decode(value: Any) -> Any:
        return None if value is None else shape.decode(value)

    return _Shape({"anyOf": [shape.schema, {"bsonType": "null"}]}, encode, decode)


def _many(shape: _Shape) -> _Shape:
    def encode(values: Any) -> Any:
        return [shape.encode(each) for each in values]

    def decode(values: Any) -> Any:
        if not isinstance(values, list):
            raise Malformed("not a list")
        return tuple(shape.decode(each) for each in values)

    return _Shape({"bsonType": "array", "items": shape.schema}, encode, decode)


def _object(record: type) -> _Shape:
    hints = get_type_hints(record)
    shapes = {each.name: (camel(each.name), _shape_of(hints[each.name])) for each in dataclasses.fields(record)}
    if "id" in shapes:
        shapes["id"] = ("_id", shapes["id"][1])
    keys = {key for key, _ in shapes.values()}

    def encode(value: Any) -> Any:
        return {key: shape.encode(getattr(value, name)) for name, (key, shape) in shapes.items()}

    def decode(document: Any) -> Any:
        if not isinstance(document, Mapping) or not keys <= document.keys():
            raise Malformed(f"not the document of a {record.__name__}")
        return record(**{name: shape.decode(document[key]) for name, (key, shape) in shapes.items()})

    schema = {
        "bsonType": "object",
        "required": sorted(keys),
        "properties": {key: shape.schema for key, shape in shapes.values()},
        "additionalProperties": False,
    }
    return _Shape(schema, encode, decode)


class Codec(Generic[T]):
    """The two ways between a record and its document."""

    def __init__(self, record: type[T]) -> None:
        self._shape = _object(record)
        self.properties = cast("Mapping[str, Mapping[str, object]]", self._shape.schema["properties"])
        self.required = tuple(cast("list[str]", self._shape.schema["required"]))

    def encode(self, record: T) -> Document:
        return cast("Document", self._shape.encode(record))

    def decode(self, document: Mapping[str, Any]) -> T:
        """Ignores what the record does not have (marks, search fields). Raises Malformed."""
        try:
            return cast("T", self._shape.decode(document))
        except (ValueError, TypeError) as error:
            raise Malformed(str(error)) from None


def declare(
    name: str,
    codec: Codec[Any],
    *indexes: Index,
    derived: Mapping[str, Mapping[str, object]] = types.MappingProxyType({}),
) -> Collection:
    """The collection of a record. `derived` are fields that only queries read; they need not be there."""
    return Collection(name, {**codec.properties, **derived}, codec.required, indexes)


class Versioned(Generic[T]):
    """Stored records that have an `id` and a `version`: found, inserted, and replaced only if nobody was faster."""

    def __init__(
        self, database: Database, declared: Collection, codec: Codec[T], derive: Callable[[T], Document] = lambda _: {}
    ) -> None:
        self._database = database
        self._declared = declared
        self._codec = codec
        self._derive = derive
        self._marks = {"environment": database.world.environment.value, "binding": database.world.binding}

    @property
    def collection(self) -> Any:
        return self._database.collection(self._declared)

    async def find(self, record_id: str, session: Session = None) -> T | None:
        return await self.find_by({"_id": record_id}, session)

    async def find_by(self, query: Document, session: Session = None) -> T | None:
        """The one that a unique index leads to."""
        found = await self.collection.find_one(query, session=session)
        return None if found is None else self._codec.decode(found)

    async def get_many(self, ids: Sequence[str], session: Session = None) -> list[T | None]:
        """In the order of `ids`; None where there is none."""
        cursor = self.collection.find({"_id": {"$in": list(ids)}}, session=session)
        found = {each["_id"]: self._codec.decode(each) for each in await cursor.to_list(len(ids))}
        return [found.get(each) for each in ids]

    async def list_by(self, query: Document, limit: int, session: Session = None) -> list[T]:
        """In the order of their ids, which is that of their making."""
        cursor = self.collection.find(query, session=session).sort("_id", 1).limit(limit)
        return [self._codec.decode(each) for each in await cursor.to_list(limit)]

    async def page(self, request: PageRequest, where: Document) -> Page[T]:
        return await find_page(self.collection, request, where, self._codec.decode)

    async def count(self, where: Document) -> int:
        return int(await self.collection.count_documents(where))

    async def insert(self, session: Session, record: T) -> T:
        """Raises the driver's DuplicateKeyError where a unique index has its value already: ask before."""
        await self.collection.insert_one(self._document(record), session=session)
        return record

    async def insert_many(self, session: Session, records: Sequence[T]) -> None:
        """As `insert`, of several; of none, nothing. Raises the driver's BulkWriteError or DuplicateKeyError."""
        if records:
            await self.collection.insert_many([self._document(each) for each in records], session=session)

    async def replace(self, session: Session, record: T) -> T:
        """Store a changed record as its next version; answers it so. Raises Refused(VERSION_CONFLICT)."""
        held = cast("Any", record)
        following = dataclasses.replace(held, version=held.version + 1)
        result = await self.collection.replace_one(
            {"_id": held.id, "version": held.version}, self._document(following), session=session
        )
        if result.matched_count == 0:
            raise refuse(RefusalCode.VERSION_CONFLICT, "expectedVersion", found="another", expected=held.version)
        return cast("T", following)

    async def replace_many(self, session: Session, records: Sequence[T]) -> None:
        """As `replace`, of several in one trip to the database; of none, nothing. For what is not used afterwards."""
        if not records:
            return
        held = cast("Sequence[Any]", records)
        changes = [
            ReplaceOne(
                {"_id": each.id, "version": each.version},
                self._document(dataclasses.replace(each, version=each.version + 1)),
            )
            for each in held
        ]
        result = await self.collection.bulk_write(changes, session=session)
        if result.matched_count != len(changes):
            raise refuse(RefusalCode.VERSION_CONFLICT, "expectedVersion", found="another", expected="the one read")

    def _document(self, record: T) -> Document:
        return {**self._codec.encode(record), **self._derive(record), **self._marks}
