"""The sandbox, as `prop-sandbox serve` names it to the server."""

from starlette.applications import Starlette

from sandbox.credentials import Credentials, personas_directory
from sandbox.persona_routes import PERSONAS_URL, persona_routes
from sandbox.settings import SandboxSettings
from sandbox.world import SANDBOX
from schema.hosting import hosted
from service.clock import SystemClock


def application(settings: SandboxSettings) -> Starlette:
    routes = persona_routes(SANDBOX, Credentials(personas_directory(settings.data_dir)))
    return hosted(SANDBOX, settings, SystemClock(), routes=routes, personas_url=PERSONAS_URL)
