"""`POST /sandbox/join`: JSON in, JSON out, for whoever has nothing yet."""

from contextvars import ContextVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.bootstrap import Ground
from sandbox.snippets import render_snippets
from sandbox.tenants.joining import Joined, JoinedOperator, parse_join
from schema.answers import Answers
from schema.errors import HTTP_STATUS, RequestCode, RequestRefused, format_exception, headers_for
from schema.execution import Answer
from schema.limits import limits_of
from schema.requests import ensure_json, read_body
from service.certificates import Certificate
from service.http.addresses import address_of
from service.tokens import TOKEN_PATH
from service.world import World

JOIN_PATH, CONTROL_PATH = "/sandbox/join", "/sandbox/graphql"
client_address: ContextVar[str] = ContextVar("client_address", default="unknown")
UNSTORED = {"cache-control": "no-store"}


def join_routes(world: World, ground: Ground) -> list[BaseRoute]:
    limits = limits_of(ground.settings)
    answers = Answers(world, limits)

    async def join(request: Request) -> Response:
        """1 read, 2 validate, 3 join, 4 answer. Whatever goes wrong is said as GraphQL says it, with its status."""
        try:
            headers = dict(request.scope["headers"])
            ensure_json(headers.get(b"content-type", b""))  # 1
            given = parse_join(_parsed(await read_body(request.receive, headers, limits)))  # 2
            sandbox = ground.sandbox
            joined = await sandbox.joining.join(given, address_of(request.scope))  # 3
        except RequestRefused as refused:
            body = answers.refusal(refused.code.value, refused.message)
            return Response(body, refused.status, refused.headers | UNSTORED, "application/json")
        except Exception as error:
            return _refusal(answers, error, request)
        body = orjson.dumps(answers.mark | shown(joined, sandbox.settings.public_url))  # 4
        return Response(body, 201, UNSTORED, "application/json")

    return [Route(JOIN_PATH, join, methods=["POST"])]


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except ValueError:
        raise RequestRefused(400, RequestCode.BAD_REQUEST, "The body is not JSON.") from None


def _refusal(answers: Answers, error: Exception, request: Request) -> Response:
    said = format_exception(error, request.scope.get("state", {}).get("request_id", ""))
    status, headers = HTTP_STATUS.get(said["extensions"]["code"], 400), UNSTORED | headers_for(said)
    return Response(answers.encode(Answer([said])), status, headers, "application/json")


def shown(joined: Joined, public_url: str) -> dict[str, object]:
    """What joining answers, as JSON has it."""
    tenant = joined.tenant
    return {
        "tenant": {
            "id": tenant.id,
            "code": tenant.code,
            "legalName": tenant.legal_name,
            "uscc": joined.uscc,
            "expiresAt": tenant.expires_at.isoformat(),
        },
        "secret": joined.secret,
        "graphql": f"{public_url}/graphql",
        "token": public_url + TOKEN_PATH,
        "control": public_url + CONTROL_PATH,
        "operators": [_operator(joined, each, public_url) for each in joined.operators],
    }


def _operator(joined: Joined, each: JoinedOperator, public_url: str) -> dict[str, object]:
    snippets = render_snippets(public_url, joined.tenant, each.operator) if each.certificates else ()
    return {
        "id": each.operator.id,
        "role": each.operator.role.value,
        "number": each.operator.operator_number,
        "permissions": list(each.operator.permissions),
        "certificates": [_certificate(certificate) for certificate in each.certificates],
        "snippets": [
            {"language": one.language.value, "file": one.file, "run": one.run, "text": one.text} for one in snippets
        ],
    }


def _certificate(certificate: Certificate) -> dict[str, object]:
    return {
        "id": certificate.id,
        "profile": certificate.profile.value,
        "notAfter": certificate.not_after.isoformat(),
        "fingerprint": certificate.fingerprint,
        "pem": certificate.pem,
        "chainPem": certificate.chain_pem,
    }
