"""`prop database init`: the stamp, the validators and the indexes of a world's databases. Safe to repeat."""

import dataclasses
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pymongo import IndexModel
from pymongo.errors import PyMongoError

from service.storage.collections import ALL_COLLECTIONS, WORLD
from service.storage.database import SERVER_SELECTION_MS, Collection, Document, Index, Names, open_client, verify_stamp
from service.storage.errors import as_service_error
from service.world import World


class ChangeKind(StrEnum):
    CREATED = "created"
    MIGRATED = "migrated"  # differed from what is declared
    DROPPED = "dropped"  # ours by its name, declared no more
    FOREIGN = "foreign"  # somebody else's: left alone


@dataclass(frozen=True, slots=True)
class Change:
    """One thing done (or, FOREIGN, seen): `thing` is "stamp", "collection", "validator" or "index NAME"."""

    kind: ChangeKind
    namespace: str
    thing: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.thing} of {self.namespace}"


async def init_database(
    uri: str,
    world: World,
    collections: Iterable[Collection] = ALL_COLLECTIONS,
    names: Names | None = None,
    *,
    server_selection_ms: int = SERVER_SELECTION_MS,
) -> list[Change]:
    """Make the databases of `world` what `collections` declares, and say what had to be done: nothing, the second time.

    A changed validator holds for what is written from now on: documents already stored are NOT checked. Raises
    WorldMismatch, before anything is touched, when either database carries another world's stamp; Unavailable when
    no server answers.
    """
    async with _open_initialiser(uri, world, names or Names.of(world), server_selection_ms) as initialiser:
        await initialiser.refuse_other_worlds()
        stamps = [WORLD, dataclasses.replace(WORLD, evidence=True)]
        await initialiser.init_collections([*stamps, *collections])
        for name in initialiser.names:
            await initialiser.write_stamp(name)
        return initialiser.changes


@asynccontextmanager
async def _open_initialiser(
    uri: str, world: World, names: Names, server_selection_ms: int
) -> AsyncIterator["_Initialiser"]:
    async with open_client(uri, world, server_selection_ms=server_selection_ms) as client:
        try:
            yield _Initialiser(client, world, names)
        except PyMongoError as error:
            raise as_service_error(error) or error from error


def validator_of(declared: Collection, world: World) -> Document:
    """The validator: the declared fields and the marks of `world`, and nothing else."""
    marks = {"environment": {"enum": [world.environment.value]}, "binding": {"enum": [world.binding]}}
    required = dict.fromkeys(("_id", "environment", "binding", *declared.required))
    return {
        "$jsonSchema": {
            "bsonType": "object",
            "required": list(required),
            "properties": {"_id": {}, **declared.properties, **marks},
            "additionalProperties": False,
        }
    }


class _Initialiser:
    def __init__(self, client: Any, world: World, names: Names) -> None:
        self.names = names
        self._client = client
        self._world = world
        self.changes: list[Change] = []

    def _note(self, kind: ChangeKind, database: str, collection: str, thing: str) -> None:
        self.changes.append(Change(kind, f"{database}.{collection}", thing))

    async def refuse_other_worlds(self) -> None:
        for name in self.names:
            stamp = await self._client[name][WORLD.name].find_one({"_id": "world"})
            if stamp is not None:
                verify_stamp(stamp, name, self._world)

    async def write_stamp(self, name: str) -> None:
        stamp = {
            "name": self._world.name,
            "environment": self._world.environment.value,
            "binding": self._world.binding,
        }
        result = await self._client[name][WORLD.name].update_one({"_id": "world"}, {"$setOnInsert": stamp}, upsert=True)
        if result.upserted_id is not None:
            self._note(ChangeKind.CREATED, name, WORLD.name, "stamp")

    async def init_collections(self, collections: Iterable[Collection]) -> None:
        present = {name: await self._collections_of(name) for name in self.names}
        for declared in collections:
            name = self.names.holding(declared)
            options = present[name].get(declared.name)
            await self._init_validator(name, declared, options)
            await self._init_indexes(name, declared, there=options is not None)

    async def _collections_of(self, name: str) -> dict[str, Document]:
        """The options of each collection of a database, by its name."""
        return {each["name"]: each.get("options", {}) async for each in await self._client[name].list_collections()}

    async def _init_validator(self, name: str, declared: Collection, options: Document | None) -> None:
        database, validator = self._client[name], validator_of(declared, self._world)
        if options is None:
            await database.create_collection(declared.name, validator=validator)
            self._note(ChangeKind.CREATED, name, declared.name, "collection")
        elif options.get("validator") != validator or options.get("validationLevel", "strict") != "strict":
            await database.command("collMod", declared.name, validator=validator, validationLevel="strict")
            self._note(ChangeKind.MIGRATED, name, declared.name, "validator")

    async def _init_indexes(self, name: str, declared: Collection, *, there: bool) -> None:
        collection = self._client[name][declared.name]
        present = {each["name"]: each async for each in collection.list_indexes()} if there else {}
        wanted = {index.name: index for index in declared.indexes}
        for index_name in present.keys() - wanted.keys() - {"_id_"}:
            ours = index_name.startswith("prop_")
            if ours:
                await collection.drop_index(index_name)
            self._note(ChangeKind.DROPPED if ours else ChangeKind.FOREIGN, name, declared.name, f"index {index_name}")
        missing = [index for index in declared.indexes if index.name not in present]
        changed = [
            index
            for index in declared.indexes
            if index.name in present and _options_of(index) != _options_found(present[index.name])
        ]
        for index in changed:
            await collection.drop_index(index.name)
        if missing or changed:
            await collection.create_indexes([_model_of(index) for index in (*missing, *changed)])
        for kind, indexes in ((ChangeKind.CREATED, missing), (ChangeKind.MIGRATED, changed)):
            for index in indexes:
                self._note(kind, name, declared.name, f"index {index.name}")


def _options_of(index: Index) -> Document:
    options: Document = {"unique": True} if index.unique else {}
    if index.partial is not None:
        options["partialFilterExpression"] = dict(index.partial)
    if index.expire_after_seconds is not None:
        options["expireAfterSeconds"] = index.expire_after_seconds
    return options


def _options_found(found: Mapping[str, Any]) -> Document:
    kept = ("unique", "partialFilterExpression", "expireAfterSeconds")
    return {key: found[key] for key in kept if found.get(key) not in (None, False)}


def _model_of(index: Index) -> IndexModel:
    return IndexModel(list(index.keys), name=index.name, **_options_of(index))
