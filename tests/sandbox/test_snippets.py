"""Joining from nothing, as a newcomer does: the command line, and the four programs, each run exactly as printed."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sandbox.cli import main
from sandbox.tenants import client
from sandbox.tenants.join_command import write_answer
from tests.sandbox.starting import clean_environment, sandbox

pytestmark = pytest.mark.process

PROGRAMS = ["bash first_query.sh", "python first_query.py", "node first_query.mjs", "java FirstQuery.java"]


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, float, str]]:
    """A directory that `prop-sandbox join` filled, when it began, and where the sandbox answers."""
    root = tmp_path_factory.mktemp("joined")
    with sandbox(root / "data", "--port", "0") as (_, url):
        began = time.monotonic()
        result = CliRunner().invoke(main, ["join", "--url", url, "--dir", str(root / "tenant"), "--name", "首航证券"])
        assert result.exit_code == 0, result.output
        yield root / "tenant", began, url


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_runs_as_printed_within_a_minute_of_joining(joined: tuple[Path, float, str], program: str):
    directory, began, _ = joined
    command, file = program.split()
    if shutil.which(command) is None and command != "python":
        pytest.skip(f"{command} is not on this machine")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        [command, file],
        check=False,
        cwd=directory,
        env=clean_environment(PATH=path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert answer["data"]["viewer"]["kind"] == "OPERATOR"
    assert answer["data"]["viewer"]["binding"] is False
    assert [each["role"] for each in answer["data"]["operators"]["nodes"]] == ["ADMINISTRATOR", "OPERATOR", "REVIEWER"]
    assert answer["extensions"]["prop"]["environment"] == "SANDBOX"
    assert time.monotonic() - began < 60


def test_keys_and_secret_are_for_their_owner_alone_and_no_tenant_is_written_over(joined: tuple[Path, float, str]):
    directory, _, url = joined
    for file in [*directory.glob("*.key.pem"), directory / "tenant.json"]:
        assert file.stat().st_mode & 0o077 == 0, file
    assert len(list(directory.glob("*.key.pem"))) == len(list(directory.glob("*.crt.pem"))) == 6
    again = CliRunner().invoke(main, ["join", "--url", url, "--dir", str(directory)])
    assert again.exit_code == 1
    assert "holds a tenant already" in again.stderr


def test_clock_snapshot_restore_and_reset_from_the_command_line(joined: tuple[Path, float, str]):
    """At the sandbox where the tenant joined, without saying so again: no other one is given its secret."""
    directory, _, url = joined
    for command in (
        ["snapshot", "before", "--dir", str(directory)],
        ["clock", "advance", "2d", "--dir", str(directory)],
        ["restore", "before", "--dir", str(directory)],
        ["clock", "set", "2035-01-01T00:00:00Z", "--dir", str(directory)],
        ["reset", "--tenant", str(directory)],
    ):
        result = CliRunner().invoke(main, [*command, "--json"])
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["percent"] == 100
    shown = CliRunner().invoke(main, ["clock", "advance", "1d", "--dir", str(directory), "--url", url])
    assert "100%" in shown.stdout or "move clock" in shown.stdout
    wrong = CliRunner().invoke(main, ["clock", "advance", "1y", "--dir", str(directory), "--url", url])
    assert (wrong.exit_code, "A duration is" in wrong.stderr) == (1, True)
    nobody = CliRunner().invoke(main, ["clock", "advance", "1d", "--dir", str(directory / "none"), "--url", url])
    assert "holds no tenant" in nobody.stderr


def test_faults_are_set_shown_and_cleared_from_the_command_line(joined: tuple[Path, float, str]):
    directory, _, url = joined
    there = ["--url", url, "--dir", str(directory)]
    none = json.loads(CliRunner().invoke(main, ["faults", *there, "--json"]).stdout)
    assert set(none.values()) == {0}
    given = ["--late-events", "7", "--latency-ms", "20"]
    held = json.loads(CliRunner().invoke(main, ["faults", "set", *given, *there, "--json"]).stdout)
    assert held == {**none, "lateEvents": 7, "latencyMs": 20}
    assert "late-events            7 %" in CliRunner().invoke(main, ["faults", *there]).stdout
    assert json.loads(CliRunner().invoke(main, ["faults", "clear", *there, "--json"]).stdout) == none
    assert CliRunner().invoke(main, ["faults", "set", "--late-events", "101", *there]).exit_code == 2


def test_an_answer_that_is_too_long_is_said_to_be(joined: tuple[Path, float, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(client, "LONGEST_ANSWER", 100)
    said = CliRunner().invoke(main, ["faults", "--dir", str(joined[0])])
    assert (said.exit_code, "ask for less at once" in said.stderr) == (1, True)


def test_who_joined_the_sandbox_started_here_asks_the_one_that_is_started_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    joined = dict.fromkeys(("environment", "binding", "notice", "tenant", "graphql", "control"), "")
    write_answer(tmp_path, joined | {"operators": [], "secret": "sbx_secret_x"}, None)
    monkeypatch.setenv("SANDBOX_DATA_DIR", str(tmp_path))
    (tmp_path / "address").write_text("http://127.0.0.1:9")
    said = CliRunner().invoke(main, ["faults", "--dir", str(tmp_path)])
    assert "No sandbox answers at http://127.0.0.1:9" in said.stderr


def test_scenarios_are_listed_with_what_they_show():
    listed = json.loads(CliRunner().invoke(main, ["scenarios", "--json"]).stdout)
    assert {"name", "shows", "showsZh", "answer"} == set(listed[0])
    shown = CliRunner().invoke(main, ["scenarios"]).stdout
    for each in listed:
        assert each["name"] in shown
        assert each["showsZh"] in shown


def test_where_no_sandbox_answers_a_sentence_says_so(tmp_path: Path):
    result = CliRunner().invoke(main, ["join", "--url", "http://127.0.0.1:9", "--dir", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "No sandbox answers" in result.stderr
    assert not (tmp_path / "none").exists()
