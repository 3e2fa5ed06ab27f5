"""`GET /sandbox/scenarios`: which outcomes can be asked for, what each shows, and where."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.scenarios.asking import SCENARIOS_PATH
from sandbox.scenarios.catalogue import SCENARIOS, Scenario
from service.world import World


def scenario_routes(world: World) -> list[Route]:
    marks = {"environment": world.environment.value, "binding": world.binding, "notice": world.notice}
    body = {"header": "X-PROP-Test-Scenario", "scenarios": [_shown(each) for each in SCENARIOS.values()], **marks}

    async def list_scenarios(_: Request) -> Response:
        return JSONResponse(body)

    return [Route(SCENARIOS_PATH, list_scenarios)]


def _shown(scenario: Scenario) -> dict[str, object]:
    return {
        "name": scenario.name,
        "shows": scenario.shows,
        "showsZh": scenario.shows_zh,
        "places": [each.value for each in scenario.places],
        "answer": scenario.answer,
        "article": scenario.article,
    }
