"""A sandbox that finds data of another edition says so in a sentence, and what to do, instead of a traceback."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from pymongo.database import Database

from sandbox.cli import main
from sandbox.serving import prepare
from sandbox.settings import SandboxSettings
from tests.databases import raw_client
from tests.sandbox.personas.test_personas import drop, make_sandbox

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def settings(wire_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxSettings]:
    made = make_sandbox(tmp_path_factory.mktemp("foreign"), wire_uri)
    asyncio.run(prepare(made))
    yield made
    drop(made, wire_uri)


def lack_a_field(database: Database[dict[str, object]]) -> None:
    """The validator is none, as that of another edition may ask for less."""
    database.command("collMod", "sandbox_clocks", validator={})
    database["sandbox_clocks"].insert_one({"_id": "sbx-par-1", "movedAt": datetime.now(UTC)})


def stand_against_an_index(database: Database[dict[str, object]]) -> None:
    database.command("collMod", "sandbox_tenants", validator={})
    for index in database["sandbox_tenants"].list_indexes():
        if index.get("unique"):
            database["sandbox_tenants"].drop_index(index["name"])
    database["sandbox_tenants"].insert_many([{"secretDigest": "alike"}, {"secretDigest": "alike"}])


@pytest.mark.parametrize("damage", [lack_a_field, stand_against_an_index])
def test_a_start_on_data_of_another_edition_says_what_it_is_and_what_to_do(
    settings: SandboxSettings, wire_uri: str, damage: Callable[[Database[dict[str, object]]], None]
):
    with raw_client(wire_uri) as client:
        damage(client[settings.database])
    environ = {
        "SANDBOX_DATA_DIR": str(settings.data_dir),
        "SANDBOX_MONGO_URI": wire_uri,
        "SANDBOX_DATABASE": settings.database,
        "SANDBOX_EVIDENCE_DATABASE": settings.evidence_database,
    }
    done = CliRunner().invoke(main, ["serve", "--port", "0"], env=environ)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "another edition" in done.stderr
    assert "`prop-sandbox reset`" in done.stderr
    with raw_client(wire_uri) as client:
        for name in ("sandbox_clocks", "sandbox_tenants"):
            client[settings.database][name].delete_many({})
