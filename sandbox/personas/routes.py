"""The personas over HTTP, for pages of the sandbox: who there is, and a token for one of them.

Open to whoever reaches the sandbox, which binds nobody (art. 17), but for the depository's staff: they see and rule
every tenant, so on a sandbox that others reach theirs are not for the asking. Without CORS, so that no other site's
page can read a token; and only under an address that no stranger's name server can hand out, so that a name rebound to
this machine reads none either. Production does not have these routes: it has not this package.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.logins import log_in
from sandbox.personas.credentials import Credentials
from sandbox.personas.people import PERSONAS, Persona, handed_out
from service.assertions import AssertionRefused
from service.errors import RateLimited
from service.http.addresses import address_of
from service.http.rate_limits import TokenBuckets
from service.http.tokens import NOT_STORED
from service.world import World

PERSONAS_URL = "/sandbox/personas"
RESERVED = (
    "The depository's staff sees and rules every tenant, and this sandbox is open to others than this machine:"
    " log in on its own machine (prop-sandbox token NAME), or set SANDBOX_REGISTRAR_PERSONAS=open, for everybody."
)
LOGINS_PER_MINUTE = 60  # from one address, as at the token endpoint


def persona_routes(world: World, credentials: Credentials, public_url: str, *, registrars: bool) -> list[Route]:
    """`GET /sandbox/personas` and `POST /sandbox/personas/NAME/token`, which logs in for real, inside the service.

    `registrars`: whether as the depository's staff, too.
    """
    marks = {"environment": world.environment.value, "binding": world.binding, "notice": world.notice}
    had = handed_out(registrars=registrars)
    attempts = TokenBuckets(per_minute=LOGINS_PER_MINUTE, burst=LOGINS_PER_MINUTE)

    async def list_personas(_: Request) -> Response:
        return JSONResponse({"personas": [_shown(each) for each in had], **marks})

    async def token(request: Request) -> Response:
        if not is_own_host(request.headers.get("host", ""), public_url):
            return _refusal(421, "invalid_request", f"Call the sandbox by its own address, {public_url}.")
        name = request.path_params["name"]
        credential = credentials.find(name) if name in PERSONAS else None
        if credential is None:
            return _refusal(404, "not_found", "There is no such persona.")
        if PERSONAS[name] not in had:
            return _refusal(403, "access_denied", RESERVED)
        try:
            attempts.ensure_within(address_of(request.scope))
            granted = await log_in(request.app.state.services, credential)
        except AssertionRefused as refused:
            return _refusal(401, "invalid_client", str(refused))
        except RateLimited as error:
            return _refusal(429, "temporarily_unavailable", error.message)
        body = {"access_token": granted.token, "token_type": "Bearer", "expires_in": granted.expires_in, **marks}
        return JSONResponse(body, headers=NOT_STORED)

    def _refusal(status: int, error: str, description: str) -> Response:
        challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        body = {"error": error, "error_description": description, **marks}
        return JSONResponse(body, status, headers=NOT_STORED | challenge)

    return [
        Route(PERSONAS_URL, list_personas),
        Route(PERSONAS_URL + "/{name}/token", token, methods=["POST"]),
    ]


def is_own_host(host: str, public_url: str) -> bool:
    """Whether a Host header names this service: by its public name, by an IP address, or by a name without a dot.

    Only a name in the DNS can be rebound: a page of evil.example whose name suddenly means 127.0.0.1 says evil.example.
    """
    name = _name_of(f"//{host}")
    return name == _name_of(public_url) or (name != "" and ("." not in name or _is_address(name)))


def _name_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _shown(persona: Persona) -> dict[str, object]:
    return {
        "name": persona.name,
        "participantCode": persona.institution.code if persona.institution else None,
        "role": persona.role.value,
        "shows": persona.shows,
        "showsZh": persona.shows_zh,
    }
