"""A resolver called directly answers what it answers called strawberry's way."""

from typing import Any

import pytest
import strawberry
from graphql import GraphQLField, GraphQLObjectType
from strawberry.extensions import FieldExtension

from schema.build import public_schema
from schema.resolvers import shorten_resolvers


class Louder(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> str:
        return str(next_(source, info, **arguments)) + "!"


@strawberry.type
class Thing:
    name: str

    @strawberry.field
    def plain(self) -> str:
        return f"plain {self.name}"

    @strawberry.field
    async def awaited(self) -> str:
        return f"awaited {self.name}"

    @strawberry.field
    def informed(self, info: strawberry.Info) -> str:
        return f"{info.context} {info.field_name} {info.python_name} {info.path.key}"

    @strawberry.field
    async def informed_first(self, info: strawberry.Info[str, None]) -> str:
        return f"{info.context} {info.return_type} {[each.name for each in info.selected_fields]}"

    @strawberry.field
    def broken(self) -> str:
        raise ValueError(f"broken {self.name}")

    @strawberry.field
    def given(self, text: str = "default") -> str:
        return text

    @strawberry.field(extensions=[Louder()])
    def extended(self) -> str:
        return "loud"

    @strawberry.field
    @staticmethod
    def still() -> str:
        return "still"

    @strawberry.field
    def rooted(self, root: strawberry.Parent["Thing"]) -> str:
        return root.name


FIELDS = ["plain", "awaited", "informed", "informedFirst", "broken"]
STRAWBERRYS_OWN = ["name", "given", "extended", "still", "rooted"]


@strawberry.type
class ThingQuery:
    @strawberry.field
    def thing(self) -> Thing | None:
        return Thing(name="n")


def resolvers(schema: strawberry.Schema, of: str = "Thing") -> dict[str, Any]:
    named = schema._schema.type_map[of]
    assert isinstance(named, GraphQLObjectType)
    return {name: field.resolve for name, field in named.fields.items()}


@pytest.mark.parametrize("field", [*FIELDS, *STRAWBERRYS_OWN])
async def test_the_answer_is_strawberrys_own(field: str) -> None:
    own, short = strawberry.Schema(ThingQuery), strawberry.Schema(ThingQuery)
    shorten_resolvers(short._schema)
    first, second = [
        await schema.execute(f"{{ thing {{ alias: {field} }} }}", context_value="context") for schema in (own, short)
    ]
    assert second.data == first.data
    assert str(second.errors) == str(first.errors)
    assert (second.errors is None) is (field != "broken")


def test_what_needs_arguments_or_extensions_keeps_its_resolver() -> None:
    schema = strawberry.Schema(ThingQuery)
    before = resolvers(schema)
    shorten_resolvers(schema._schema)
    changed = {name for name, resolve in resolvers(schema).items() if resolve is not before[name]}
    assert changed == set(FIELDS)


def test_no_field_of_the_public_schema_that_has_a_guard_is_called_directly() -> None:
    for named in public_schema()._schema.type_map.values():
        for field in getattr(named, "fields", {}).values():
            definition = field.extensions.get("strawberry-definition")
            if isinstance(field, GraphQLField) and getattr(definition, "extensions", None):
                assert field.resolve is not None
                assert "_short" not in field.resolve.__qualname__, definition
