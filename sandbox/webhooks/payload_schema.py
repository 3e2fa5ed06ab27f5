"""`/sandbox/webhook-payload.schema.json`: what a webhook's body says, as JSON Schema made from the model itself."""

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.webhooks.payload import EventPayload

SCHEMA_PATH = "/sandbox/webhook-payload.schema.json"


def payload_schema_routes() -> list[BaseRoute]:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **EventPayload.model_json_schema()}
    body = orjson.dumps(schema, option=orjson.OPT_INDENT_2)

    async def serve(request: Request) -> Response:  # noqa: ARG001 - the same for all
        return Response(body, media_type="application/schema+json")

    return [Route(SCHEMA_PATH, serve)]
