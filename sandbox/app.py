"""The sandbox, as `prop-sandbox serve` names it to the server."""

from starlette.applications import Starlette

from sandbox.settings import SandboxSettings
from sandbox.world import SANDBOX
from schema.hosting import hosted
from service.clock import SystemClock


def application(settings: SandboxSettings) -> Starlette:
    return hosted(SANDBOX, settings, SystemClock())
