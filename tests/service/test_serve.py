"""`prop serve` as it is deployed: over a real database, with workers, and not over the other world's."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from pymongo import MongoClient

from service.world import PRODUCTION, World
from tests.databases import renamed
from tests.service.test_cli import on, prop
from tests.service.test_server import free_port, wait_for

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.process, pytest.mark.wire]


def serve(log: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PROP_", "SANDBOX_"))}
    with log.open("wb") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "service", "serve"], cwd=ROOT, env=inherited | environ, stderr=stderr
        )


def test_production_serves_the_published_agreement_from_two_workers(wire_uri: str, wire_world: World, tmp_path: Path):
    port = free_port()
    environ = on(wire_uri, wire_world) | {"PROP_PORT": str(port), "PROP_WORKERS": "2"}
    assert prop("database", "init", **environ).exit_code == 0
    file = str(ROOT / "service" / "digest" / "agreement.zh.txt")
    assert prop("agreement", "import", file, "--number", "1", "--effective", "2020-01-01", **environ).exit_code == 0
    assert prop("agreement", "publish", "1", **environ).exit_code == 0
    with serve(tmp_path / "log", environ) as process:
        try:
            ready = wait_for(f"http://127.0.0.1:{port}/readyz")
            assert (ready.status_code, ready.json()["checks"]) == (200, {"database": "ok", "log": "ok", "jobs": "ok"})
            answer = httpx.post(
                f"http://127.0.0.1:{port}/graphql", json={"query": "{ agreement { article(number: 17) { number } } }"}
            )
            assert answer.json().get("data") == {"agreement": {"article": {"number": 17}}}, answer.text
            assert answer.json()["extensions"]["prop"]["environment"] == "PRODUCTION"
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("stamp", ["sandbox", None])
def test_a_database_of_the_other_world_or_of_none_is_refused_at_the_start(
    wire_uri: str, tmp_path: Path, stamp: str | None
):
    world = renamed(PRODUCTION)
    if stamp:
        with MongoClient(wire_uri) as client:  # type: ignore[var-annotated]  # documents of any kind
            for name in (world.database, world.evidence_database):
                client[name]["world"].insert_one({"_id": "world", "name": stamp})
    with serve(tmp_path / "log", on(wire_uri, world) | {"PROP_PORT": str(free_port()), "PROP_WORKERS": "1"}) as process:
        assert process.wait(20) == 1
    said = (tmp_path / "log").read_text()
    assert ("The two worlds do not meet (art. 17)" if stamp else "run `prop database init`") in said
    assert "Traceback" not in said
