"""Resolvers that take nothing from the document, called directly.

strawberry prepares every call for arguments and extensions, 10 us each; a field that has neither needs none of it. What
is computed for each of a page's nodes is such a field, and so is many a root.
"""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info


def shorten_resolvers(schema: GraphQLSchema) -> None:
    """Done once, when the schema is built. The answers stay what they were."""
    for named in schema.type_map.values():
        if isinstance(named, GraphQLObjectType):
            for field in named.fields.values():
                field.resolve = _short(field) or field.resolve


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
