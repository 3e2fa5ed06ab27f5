"""Where requests say which outcome they want: the header on HTTP, the header or the first message on a WebSocket.

Production has the same header refused in this place (`service.http.scenario_header`).
"""

import asyncio

from sandbox.scenarios.asked import Asked, Line, asking
from sandbox.scenarios.catalogue import SCENARIOS, Place
from sandbox.scenarios.lines import BreakableLine
from schema.errors import format_service_error
from service.authority import OCSP_PATH
from service.errors import BadInput
from service.http.findings import findings_of
from service.http.marks import ASGIApp, Message, Receive, Scope, Send
from service.http.refusals import refusal_body, send_refusal
from service.http.scenario_header import scenario_header, scenario_in_greeting
from service.tokens import TOKEN_PATH
from service.world import World

INVALID = 4400  # of graphql-transport-ws
SCENARIOS_PATH = "/sandbox/scenarios"
ASKED_FOR = b"x-prop-asked-for"
STARTS = frozenset({"http.response.start", "websocket.accept"})


def place_of(path: str) -> Place | None:
    """Where a path is served, of the places in which something can be asked for."""
    if path == "/graphql":
        return Place.GRAPHQL
    if path == TOKEN_PATH:
        return Place.TOKEN
    return Place.OCSP if path == OCSP_PATH or path.startswith(f"{OCSP_PATH}/") else None


def unknown_scenario(name: str) -> BadInput:
    known = list(SCENARIOS)
    return BadInput(
        f"There is no scenario {name[:60]!a}. There are {', '.join(known)}: GET {SCENARIOS_PATH} says what each shows.",
        field="X-PROP-Test-Scenario",
        scenarios=known,
    )


class AskedOutcomes:
    """ASGI middleware. An unknown name is refused on every path, before anything is done; a known one that shows
    nothing at this place changes nothing there, so that a client may send it with all it sends.

    What was asked for is in the scope's state too, for the inspector, which lies around this.
    """

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        name, place = scenario_header(scope), place_of(scope["path"])
        if name is not None and name not in SCENARIOS:
            await self._refuse(unknown_scenario(name), scope, send)
        elif place is None:
            with asking(None):
                await self._app(scope, receive, send)
        else:
            asked = Asked(place, SCENARIOS[name] if name is not None else None)
            serve = self._open_line if scope["type"] == "websocket" else self._serve
            with asking(asked):
                await serve(asked, scope, receive, send)

    async def _serve(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] in STARTS and asked.told:
                (what,) = asked.told.items()
                scope["state"].update(asked.told)
                message["headers"] = [*message.get("headers", ()), (ASKED_FOR, " ".join(what).encode())]
            await send(message)

        scope.setdefault("state", {}).update(asked.told)  # also where no answer comes of it
        if asked.scenario is not None and asked.place is not Place.GRAPHQL:  # there, each operation waits
            await asyncio.sleep(asked.scenario.wait)
        await self._app(scope, receive, told)

    async def _open_line(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        asked.line = Line()
        line = BreakableLine(asked.line, receive, send)

        async def hear() -> Message:
            message = await line.receive()
            name = scenario_in_greeting(message) if message["type"] == "websocket.receive" else None
            if name is None:
                return message
            if name not in SCENARIOS:
                return await line.close(INVALID, f"There is no such scenario: GET {SCENARIOS_PATH}.")
            asked.scenario = SCENARIOS[name]
            scope["state"].update(asked.told)
            return message

        await self._serve(asked, scope, hear, line.send)

    async def _refuse(self, error: BadInput, scope: Scope, send: Send) -> None:
        findings_of(scope).errors = (format_service_error(error),)
        body = refusal_body(self._world, error.code.value, error.message, **error.extensions)
        await send_refusal(scope, send, 400, body, [(b"cache-control", b"no-store")])
