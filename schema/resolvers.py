"""Resolvers as they are called: directly where they take nothing from the document, in turn where they read.

strawberry prepares every call for arguments and extensions, 10 us each; a field that has neither needs none of it. What
is computed for each of a page's nodes is such a field, and so is many a root.
"""

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info

from schema.cost import reads_of


def shorten_resolvers(schema: GraphQLSchema) -> None:
    """Done once, when the schema is built. The answers stay what they were."""
    for named in schema.type_map.values():
        if isinstance(named, GraphQLObjectType):
            for field in named.fields.values():
                field.resolve = _short(field) or field.resolve


def take_turns(schema: GraphQLSchema) -> None:
    """Of the fields that go to the database by themselves a request has a few under way, or it would leave nobody any
    of the driver's connections. Done once, when the schema is built. A loader's turns are its own.
    """
    for named in schema.type_map.values():
        if isinstance(named, GraphQLObjectType):
            for name, field in named.fields.items():
                if field.resolve and reads_of(field, name, named):
                    field.resolve = _in_turn(field.resolve)


def _in_turn(resolve: Callable[..., Any]) -> Callable[..., Any]:
    async def resolve_in_turn(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        async with info.context.reading:
            found = resolve(source, info, **arguments)
            return await found if isawaitable(found) else found

    return resolve_in_turn


def _short(field: GraphQLField) -> Callable[..., Any] | None:
    """None for a field that must be called strawberry's way."""
    definition = field.extensions.get("strawberry-definition")
    if not isinstance(definition, StrawberryField) or field.args or definition.extensions or definition.is_subscription:
        return None
    resolver = definition.base_resolver
    if resolver is None or isinstance(resolver.wrapped_func, staticmethod | classmethod):
        return None
    call = resolver.wrapped_func
    match tuple(resolver.signature.parameters.values()):
        case (resolver.self_parameter,):
            return lambda source, _: call(source)
        case (resolver.self_parameter, resolver.info_parameter):
            return lambda source, info: call(source, Info(_raw_info=info, _field=definition))
    return None
