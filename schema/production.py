"""Production, as `prop serve` names it to its workers."""

from starlette.applications import Starlette

from schema.hosting import hosted
from service.clock import SystemClock
from service.settings import Settings
from service.world import PRODUCTION


def application(settings: Settings) -> Starlette:
    return hosted(PRODUCTION, settings, SystemClock())
