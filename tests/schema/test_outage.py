"""The database goes away under requests and subscriptions: nothing hangs, nothing is lost, nothing comes twice."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from service.bootstrap import services_over
from service.integrator import Integrator
from service.storage.database import open_database
from service.storage.init import init_database
from service.world import PRODUCTION
from tests.databases import Server, open_server, open_world
from tests.schema.hosting import open_hosted
from tests.schema.making import make_settings
from tests.schema.serving import open_served
from tests.schema.test_subscriptions import RECORDS, make_scene
from tests.service.institutions import OFFICER
from tests.service.records import SteppingClock
from tests.waiting import until

pytestmark = pytest.mark.wire

EXECUTION_MS = 700
NOBODY = "live-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    with open_server(str(tmp_path / "data")) as server:
        await init_database(server.uri, PRODUCTION)
        yield server
        server.stop(signal.SIGKILL)  # a server that lost a client in a transaction takes long to end in peace


class Failures(CommandListener):
    """How long each command took that failed, in seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def started(self, event: CommandStartedEvent) -> None: ...

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None:
        self.seconds.append(event.duration_micros / 1e6)


@pytest.mark.parametrize("kind", ["query", "mutation"])
async def test_a_request_under_way_when_the_database_stops_is_answered_and_lets_go_of_its_thread(
    server: Server, kind: str
) -> None:
    failures = Failures()
    asked = {
        "query": "query { participants(first: 1) { nodes { id } } }",
        "mutation": f'mutation {{ freezeOperator(input: {{operatorId: "{NOBODY}"}}) {{ receipt {{ id }} }} }}',
    }
    async with (
        open_database(server.uri, PRODUCTION, listeners=[failures]) as database,
        open_served(database, SteppingClock(), execution_ms=EXECUTION_MS) as served,
    ):
        served.callers["officer"] = OFFICER
        assert "errors" not in await served.ask(asked["query"], "officer")
        server.pause()  # connections stay open and nothing answers: the worst outage
        try:
            begun = time.monotonic()
            answer = await served.ask(asked[kind], "officer")
            assert time.monotonic() - begun < 2 * EXECUTION_MS / 1000
            assert answer["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
            await until(lambda: bool(failures.seconds), seconds=5)  # or the driver still waits, and a thread with it
            assert max(failures.seconds) < 2 * EXECUTION_MS / 1000
        finally:
            server.resume()


async def test_a_subscription_outlives_a_crash_of_the_database_and_misses_nothing(server: Server) -> None:
    async with open_hosted(server.uri, PRODUCTION) as hosted:
        scene = await make_scene(hosted)
        _, reader = await scene.person()
        wanted = {"kind": "operator.registered"}
        async with hosted.subscribed(reader, RECORDS, filter=wanted) as subscribed:
            before = await scene.register()
            told = [(await subscribed.next())["it"]["id"]]
            server.stop(signal.SIGKILL)
            await asyncio.sleep(1)
            server.start()
            settings = make_settings(PRODUCTION, mongo_uri=server.uri)
            async with open_database(server.uri, PRODUCTION) as database:  # another process, as it were
                elsewhere = services_over(database, settings, SteppingClock())
                scene.hosted.app.state.services, own = elsewhere, hosted.services
                registered = [await scene.register() for _ in range(5)]
                scene.hosted.app.state.services = own
            told += [(await subscribed.next(20))["it"]["id"] for _ in registered]
            assert await subscribed.quiet(1)
        assert len(set(told)) == 6
        query = "query ($id: ID!) { records(first: 1, filter: {subjectId: $id}) { nodes { id } } }"
        subjects = [
            (await hosted.data(query, reader, id=each.id))["records"]["nodes"] for each in [before, *registered]
        ]
        assert sorted(told) == sorted(node["id"] for nodes in subjects for node in nodes)


async def test_a_process_of_which_a_job_has_ended_is_not_ready_and_says_which(
    wire_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def end(_: Integrator) -> None:
        raise RuntimeError("what was not thought of")

    async with open_world(wire_uri) as world, open_hosted(wire_uri, world) as hosted:
        ready = await hosted.client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["jobs"]) == (200, "ok")
    with monkeypatch.context() as broken:
        broken.setattr(Integrator, "run", end)
        async with open_hosted(wire_uri, world) as hosted:
            ready = await hosted.client.get("/readyz")
    assert ready.status_code == 503
    assert "integrator" in ready.json()["checks"]["jobs"]
    assert ready.json()["checks"]["database"] == "ok"
    assert "thought of" not in ready.text
