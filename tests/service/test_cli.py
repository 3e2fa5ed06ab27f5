"""`prop`: what it needs is said in sentences, with status 2 for the command and 1 for the work; never a traceback."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette

from service.cli import APPLICATION, main
from service.reference import reference
from service.world import PRODUCTION, World
from tests.databases import renamed
from tests.settings import GOOD, make_settings

ROOT = Path(__file__).parents[2]
DIGEST = ROOT / "service" / "digest"


def prop(*arguments: str, **environ: str) -> Result:
    """The command in this process, with no variable of either world but those given."""
    cleared: dict[str, str | None] = {name: None for name in os.environ if name.startswith(("PROP_", "SANDBOX_"))}
    return CliRunner().invoke(main, arguments, env=cleared | environ)


def on(uri: str, world: World) -> dict[str, str]:
    names = {"PROP_DATABASE": world.database, "PROP_EVIDENCE_DATABASE": world.evidence_database}
    return GOOD | {"PROP_MONGO_URI": uri, "PROP_SERVER_SELECTION_MS": "2000"} | names


COMMANDS = (
    ("serve",),
    ("database", "init"),
    ("config", "check"),
    ("agreement", "publish", "1"),
    ("agreement", "import", str(DIGEST / "agreement.zh.txt"), "--number", "1", "--effective", "2020-01-01"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
def test_every_command_lists_all_that_is_wrong_with_the_settings_and_does_nothing(command: tuple[str, ...]):
    result = prop(*command, PROP_PORT="x", SANDBOX_PORT="1")
    assert result.exit_code == 2
    assert [line.split()[0].rstrip(":") for line in result.stderr.splitlines()] == [
        "SANDBOX_PORT", "PROP_MONGO_URI", "PROP_DATA_KEY", "PROP_SIGNING_KEY", "PROP_LOG_KEY", "PROP_PUBLIC_URL",
        "PROP_PORT",
    ]  # fmt: skip
    assert result.stdout == ""


def test_a_ceremony_prints_fingerprints_and_is_held_once(tmp_path: Path):
    for name in ("root", "issuing"):
        (tmp_path / name).write_text(f"passphrase of the {name}\n")
    command = (
        "authority", "init", str(tmp_path / "authority"), "--url", "https://prop.example.org/",
        "--root-passphrase-file", str(tmp_path / "root"), "--issuing-passphrase-file", str(tmp_path / "issuing"),
    )  # fmt: skip
    first, second = prop(*command), prop(*command)
    assert first.exit_code == 0, first.output
    assert re.fullmatch(r"root +SHA-256 [0-9a-f]{64}, .*\nissuing +SHA-256 [0-9a-f]{64}, .*\n", first.stdout)
    assert "PROP_ROOT_FINGERPRINTS" in first.stderr
    assert "passphrase of" not in first.output
    assert (second.exit_code, second.stdout) == (1, "")
    assert "never writes over" in second.stderr


def test_the_settings_are_shown_without_the_secrets():
    result = prop("config", "check", **GOOD)
    assert result.exit_code == 0
    assert "PROP_MONGO_URI=(set)\n" in result.stdout
    assert "PROP_PORT=8000\n" in result.stdout
    assert "hunter2" not in result.output
    assert GOOD["PROP_DATA_KEY"] not in result.output


def test_a_secret_file_that_all_can_read_is_warned_of(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text(GOOD["PROP_DATA_KEY"])
    file.chmod(0o644)
    result = prop("config", "check", **GOOD | {"PROP_DATA_KEY": "", "PROP_DATA_KEY_FILE": str(file)})
    assert result.exit_code == 0
    assert "the file that PROP_DATA_KEY_FILE names" in result.stderr


def test_the_reference_is_printed_without_settings():
    assert prop("config", "check", "--reference").stdout == reference(PRODUCTION)


def test_a_usage_error_has_status_2():
    assert prop("agreement", "publish", "first").exit_code == 2
    assert prop("agreement", "import", "no-such-file", "--number", "1", "--effective", "2020-01-01").exit_code == 2


def test_the_application_that_is_named_is_one():
    module, _, name = APPLICATION.partition(":")
    made = getattr(importlib.import_module(module), name)(make_settings())
    assert isinstance(made, Starlette)
    assert {"/healthz", "/readyz", "/graphql"} <= {getattr(route, "path", None) for route in made.routes}


@pytest.mark.process
def test_a_database_that_is_away_and_a_port_that_is_taken_are_said_in_a_sentence():
    away = GOOD | {"PROP_MONGO_URI": "mongodb://127.0.0.1:9/", "PROP_SERVER_SELECTION_MS": "100"}
    result = prop("database", "init", **away)
    assert (result.exit_code, result.stderr) == (1, "The database does not answer at the moment.\n")
    result = prop("serve", **GOOD | {"PROP_HOST": "127.0.0.1", "PROP_PORT": "1"})
    if os.geteuid() != 0:
        assert result.exit_code == 1
        assert result.stderr.startswith("Cannot listen on 127.0.0.1:1: ")


@pytest.mark.wire
def test_an_agreement_goes_from_a_file_to_publication(wire_uri: str, wire_world: World):
    environ = on(wire_uri, wire_world)
    first = prop("database", "init", **environ)
    assert (first.exit_code, "created stamp" in first.stdout) == (0, True)
    assert prop("database", "init", **environ).stdout == "Nothing to do.\n"
    files = str(DIGEST / "agreement.zh.txt"), "--english", str(DIGEST / "agreement.en.txt")
    imported = prop("agreement", "import", *files, "--number", "1", "--effective", "2020-01-01", **environ)
    assert imported.exit_code == 0
    assert imported.stdout.endswith("6 chapters, 29 articles.\n")
    published = prop("agreement", "publish", "1", **environ)
    assert published.exit_code == 0
    assert published.stdout.startswith("Published 1: in force from 2020-01-01, SHA-256 ")
    again = prop("agreement", "publish", "1", **environ)
    assert (again.exit_code, again.stderr.rpartition(" ")[2]) == (1, "[AGREEMENT_PUBLISHED]\n")


@pytest.mark.wire
def test_what_is_no_agreement_is_refused_with_its_line(wire_uri: str, wire_world: World, tmp_path: Path):
    environ = on(wire_uri, wire_world)
    prop("database", "init", **environ)
    file = tmp_path / "text"
    file.write_text("no heading\n")
    result = prop("agreement", "import", str(file), "--number", "1", "--effective", "2020-01-01", **environ)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.wire
def test_a_database_without_a_stamp_is_not_used(wire_uri: str):
    result = prop("agreement", "publish", "1", **on(wire_uri, renamed(PRODUCTION)))
    assert result.exit_code == 1
    assert "run `prop database init`" in result.stderr


@pytest.mark.process
def test_the_module_is_the_command():
    result = subprocess.run([sys.executable, "-m", "service", "--help"], cwd=ROOT, capture_output=True, check=True)
    assert result.stdout.startswith(b"Usage: prop [OPTIONS] COMMAND")
