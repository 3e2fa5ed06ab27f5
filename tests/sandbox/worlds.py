"""Both worlds at once, each as it is served, on one machine: what no deployment does, and an attacker would like."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from graphql import GraphQLArgument, GraphQLInputObjectType, GraphQLInputType, get_named_type

from sandbox.bootstrap import Sandbox
from service.access import RegistrarRole
from service.bootstrap import Services
from service.identifiers import Kind
from service.storage.records import RECORDS
from service.world import World
from tests.databases import open_world
from tests.sandbox.tenancy import Tenancy, join, open_application
from tests.schema.asking import SCHEMA, value
from tests.schema.hosting import Hosted, Person, open_hosted

ULID = "01K9ZZZZZZZZZZZZZZZZZZZZZZ"
KINDS = {
    "participantId": Kind.PARTICIPANT,
    "operatorId": Kind.OPERATOR,
    "successorId": Kind.OPERATOR,
    "actorId": Kind.OPERATOR,
    "subjectId": Kind.OPERATOR,
    "registrarId": Kind.REGISTRAR,
    "applicationId": Kind.APPLICATION,
    "proposalId": Kind.PROPOSAL,
    "taskId": Kind.TASK,
    "certificateId": Kind.CERTIFICATE,
    "supersedesId": Kind.CERTIFICATE,
    "electronicKeyId": Kind.ELECTRONIC_KEY,
    "reminderId": Kind.REMINDER,
    "calendarId": Kind.CALENDAR,
    "application": Kind.APPLICATION,
    "operator": Kind.OPERATOR,
    "certificate": Kind.CERTIFICATE,
    "after": Kind.RECORD,
}
"""Of an argument, or where that is called `id` or `ids`, of the root field. What is not here takes a participant's."""


@dataclass(frozen=True)
class Question:
    """One root field with an id of the other world in one place of its arguments."""

    place: str
    operation: str
    text: str
    variables: dict[str, Any]


@dataclass(frozen=True)
class Worlds:
    production: Hosted
    officer: Person
    administrator: Person
    sandbox: Sandbox
    client: httpx.AsyncClient  # of the sandbox
    tenant: Tenancy
    neighbour: Tenancy


def questions(asked: World) -> Iterator[Question]:
    """Every place of the whole schema that takes an id, with one of the world that is not `asked`."""
    for operation in ("query", "mutation", "subscription"):
        root = getattr(SCHEMA, f"{operation}_type")
        for field_name, field in root.fields.items():
            for name, argument in field.args.items():
                for path in _ids(argument.type, (name,)):
                    yield _question(asked, operation, field_name, field.args, path)


def _ids(kind: GraphQLInputType, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    named = get_named_type(kind)
    if named.name == "ID":
        yield path
    elif isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            yield from _ids(field.type, (*path, name))


def _question(
    asked: World, operation: str, field_name: str, arguments: dict[str, GraphQLArgument], path: tuple[str, ...]
) -> Question:
    own = {name: f"{asked.id_prefix}-{kind.value}-{ULID}" for name, kind in KINDS.items() if name.endswith("Id")}
    kind = KINDS.get(path[-1], KINDS.get(field_name, Kind.PARTICIPANT))
    theirs: Any = f"{asked.neighbour.id_prefix}-{kind.value}-{ULID}"
    required = {name for name, each in arguments.items() if str(each.type).endswith("!")} | {path[0]}
    needed = {name: own[name] for name in own if name != path[-1]}
    given = {path[-1]: [theirs] if path[-1] == "ids" else theirs}
    variables = {
        name: value(arguments[name].type, _but_optional(needed, arguments[name].type) | given, name)
        for name in sorted(required)
    }
    declared = ", ".join(f"${name}: {arguments[name].type}" for name in variables)
    passed = ", ".join(f"{name}: ${name}" for name in variables)
    text = f"{operation} ({declared}) {{ {field_name}({passed}) {{ __typename }} }}"
    return Question(f"{field_name}({'.'.join(path)})", operation, text, variables)


def _but_optional(needed: dict[str, Any], kind: GraphQLInputType) -> dict[str, Any]:
    """What an input cannot do without: what is optional is left out, so that nothing else is looked at first."""
    named = get_named_type(kind)
    if not isinstance(named, GraphQLInputObjectType):
        return needed
    return {name: each for name, each in needed.items() if name in named.fields and _is_required(named, name)}


def _is_required(named: GraphQLInputObjectType, name: str) -> bool:
    return str(named.fields[name].type).endswith("!")


async def crossings(services: Services) -> int:
    """How many attempts to cross are on record: each by itself, or in the count of those beyond the bound."""
    await services.records.attempts.settle(everything=True)
    found = services.database.collection(RECORDS).find({"kind": "environment.crossed"})
    return sum([json.loads(each["content"])["content"].get("count", 1) async for each in found])


@asynccontextmanager
async def open_worlds(uri: str, directory: Path) -> AsyncIterator[Worlds]:
    async with (
        open_world(uri) as world,
        open_hosted(uri, world) as production,
        open_application(uri, directory) as (app, client),
    ):
        await production.publish_agreement()
        officer = await production.add_registrar("R00001", RegistrarRole.OFFICER)
        administrator = await production.certify(*await production.open_participant())
        tenant, neighbour = await join(client), await join(client)
        sandbox = app.state.ground.sandbox
        yield Worlds(production, officer, administrator, sandbox, client, tenant, neighbour)
