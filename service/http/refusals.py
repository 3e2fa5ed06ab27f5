"""The body of an answer that the server gives before a request reaches the application: an error, and the marks."""

import orjson

from service.world import World


def refusal_body(world: World, code: str, message: str, **extensions: object) -> bytes:
    """JSON in the form of a GraphQL error, as the application would write it."""
    marks = {"environment": world.environment.value, "binding": world.binding, "notice": world.notice}
    error = {"message": message, "extensions": {"code": code, **extensions}}
    return orjson.dumps({"errors": [error], "extensions": {"prop": marks}})
