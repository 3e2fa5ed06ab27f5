"""The token endpoint (RFC 6749, RFC 7523), its key set (RFC 7517) and its metadata (RFC 8414)."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.assertions import MAX_LENGTH, AssertionRefused
from service.errors import EnvironmentMismatch, RateLimited, ServiceError, Unavailable
from service.http.addresses import address_of
from service.http.bodies import BodyRefused, read_body
from service.http.findings import Findings, findings_of
from service.http.rate_limits import Limiter
from service.storage.errors import as_service_error
from service.tokens import TOKEN_PATH, AccessToken, TokenService
from service.world import World

GRANT = "client_credentials"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = "application/x-www-form-urlencoded"
MAX_BODY = 4 * MAX_LENGTH
NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 section 5.1
FOR_MINUTES = {"Cache-Control": "public, max-age=300"}


class TokenError(Exception):
    """An error answer of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400, **more: object) -> None:
        super().__init__(description)
        self.error = error
        self.status = status
        self.more = more

    @property
    def told(self) -> dict[str, Any]:
        """As GraphQL would say it."""
        return {"message": str(self), "extensions": {"code": self.error, **self.more}}


def token_routes(
    world: World,
    tokens: Callable[[], TokenService],
    attempts: Limiter,
    remarks: Callable[[], Mapping[str, object]] = dict,
) -> list[Route]:
    """The routes. `tokens` is asked at each request; `attempts` bounds how often one address may try to log in;
    `remarks` stand beside the marks in what is answered."""
    own = {"environment": world.environment.value, "binding": world.binding, "notice": world.notice}

    def marks() -> dict[str, Any]:
        return {**own, **remarks()}

    async def token(request: Request) -> Response:
        found = findings_of(request.scope)
        try:
            address = address_of(request.scope)
            attempts.ensure_within(address)
            assertion = read_form(request.headers.get("content-type", ""), await _read_body(request))
            found.assertion = assertion
            granted = await _login(tokens(), assertion, address, found)
        except TokenError as error:
            found.errors = (error.told,)
            return _refusal(error, marks())
        except RateLimited as error:
            after = str(error.extensions.get("retryAfter", 1))
            refusal = TokenError("temporarily_unavailable", error.message, 429)
            found.errors = (refusal.told,)
            return _refusal(refusal, marks(), {"Retry-After": after})
        body = {"access_token": granted.token, "token_type": "Bearer", "expires_in": granted.expires_in, **marks()}
        return JSONResponse(body, headers=NOT_STORED)

    async def jwks(_: Request) -> Response:
        return JSONResponse(tokens().key_set(), headers=FOR_MINUTES, media_type="application/jwk-set+json")

    async def metadata(_: Request) -> Response:
        return JSONResponse({**tokens().metadata(), **own}, headers=FOR_MINUTES)

    return [
        Route(TOKEN_PATH, token, methods=["POST"]),
        Route("/.well-known/jwks.json", jwks),
        Route("/.well-known/oauth-authorization-server", metadata),
    ]


def read_form(content_type: str, body: bytes) -> str:
    """The client assertion in a token request. Raises TokenError; unknown parameters are ignored (RFC 6749, 3.2)."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise TokenError("invalid_request", f"The request must be {FORM}.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:
        raise TokenError("invalid_request", "The request's form cannot be read.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise TokenError("invalid_request", "A parameter stands twice.")
    if form.get("grant_type", GRANT) != GRANT:
        raise TokenError("unsupported_grant_type", f"The grant_type here is {GRANT}.")
    if "grant_type" not in form:
        raise TokenError("invalid_request", "The grant_type is missing.")
    if "client_secret" in form:
        raise TokenError("invalid_client", "There are no client secrets here: log in with a certificate's key.", 401)
    if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
        raise TokenError("invalid_client", f"A client_assertion of the type {ASSERTION_TYPE} is missing.", 401)
    return form["client_assertion"]


async def _login(tokens: TokenService, assertion: str, address: str, found: Findings) -> AccessToken:
    try:
        granted = await tokens.login(assertion, address)
        found.caller = granted.caller
    except AssertionRefused as refused:
        found.claimed = refused.claimed
        raise TokenError("invalid_client", str(refused), 401) from None
    except EnvironmentMismatch as error:
        code = {"code": error.code.value, **error.extensions}
        raise TokenError("invalid_client", error.message, 401, **code) from None
    except Exception as error:
        known = error if isinstance(error, ServiceError) else as_service_error(error)
        if not isinstance(known, Unavailable):
            raise
        raise TokenError("temporarily_unavailable", known.message, 503) from error
    return granted


async def _read_body(request: Request) -> bytes:
    try:
        return await read_body(request.receive, MAX_BODY)
    except BodyRefused as refused:
        raise TokenError("invalid_request", refused.message, refused.status) from None


def _refusal(error: TokenError, marks: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    body = {"error": error.error, "error_description": str(error), **error.more, **marks}
    headers = NOT_STORED | (headers or {})
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 section 15.5.2 asks for a challenge with every 401
    elif error.status == 408:
        headers["Connection"] = "close"  # and section 15.5.9 for the end of a connection on which a body was late
    return JSONResponse(body, error.status, headers=headers)
