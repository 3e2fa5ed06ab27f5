"""`prop-sandbox inspect` against a sandbox that runs: the list, one exchange with its reasons, and following."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sandbox.cli import main
from sandbox.inspector import commands as exchange_commands
from tests.sandbox.starting import sandbox

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The directory of a tenant whose printed program was run, rightly and with a fault, and where the sandbox is."""
    root = tmp_path_factory.mktemp("inspect")
    with sandbox(root / "data", "--port", "0") as (_, url):
        directory = root / "tenant"
        result = CliRunner().invoke(main, ["join", "--url", url, "--dir", str(directory)])
        assert result.exit_code == 0, result.output
        (program,) = directory.glob("*.py")
        text = program.read_text(encoding="utf-8")
        (directory / "wrong").mkdir()
        wrong = directory / "wrong" / program.name
        wrong.write_text(text.replace("{ viewer", "query Wrong { nothing viewer"), encoding="utf-8")
        for each in (program, wrong):
            subprocess.run([sys.executable, str(each)], cwd=directory, check=False, capture_output=True, timeout=60)
        yield directory, url


def run(tenant: tuple[Path, str], *arguments: str) -> Result:
    directory, url = tenant
    return CliRunner().invoke(main, ["inspect", *arguments, "--url", url, "--dir", str(directory)])


def listed(tenant: tuple[Path, str], *arguments: str) -> list[dict[str, Any]]:
    result = run(tenant, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_what_the_printed_program_asked_is_listed_and_filtered(tenant: tuple[Path, str]):
    everything = listed(tenant)
    assert [each["endpoint"] for each in everything] == ["TOKEN", "GRAPHQL", "TOKEN", "GRAPHQL"]
    assert [each["outcome"] for each in everything] == ["OK", "OK", "OK", "FAILED"]
    assert [each["operationName"] for each in listed(tenant, "--operation", "Wrong")] == ["Wrong"]
    assert listed(tenant, "--code", "GRAPHQL_VALIDATION_FAILED") == everything[3:]
    assert listed(tenant, "--outcome", "failed") == everything[3:]
    assert listed(tenant, "--limit", "1") == everything[3:]
    shown = run(tenant).stdout.splitlines()
    assert [line.split()[0] for line in shown] == [each["id"] for each in everything]
    assert "GRAPHQL_VALIDATION_FAILED" in shown[3]


def test_one_of_them_says_why_and_what_to_do(tenant: tuple[Path, str]):
    (wrong,) = listed(tenant, "--operation", "Wrong")
    (exchange,) = listed(tenant, wrong["id"])
    assert exchange["why"][0]["advice"]
    assert "nothing" in exchange["document"]
    told = run(tenant, wrong["id"]).stdout
    assert "Cannot query field" in told
    assert exchange["why"][0]["adviceZh"] in told


def test_one_that_is_not_there_is_a_sentence_and_no_traceback(tenant: tuple[Path, str]):
    result = run(tenant, "01K9ZZZZZZZZZZZZZZZZZZZZZZ")
    assert result.exit_code == 1
    assert "no exchange" in result.stderr


def test_following_tells_each_once_and_goes_on(tenant: tuple[Path, str], monkeypatch: pytest.MonkeyPatch):
    directory, _ = tenant
    before, naps = len(listed(tenant)), 0

    def nap(_: float) -> None:
        nonlocal naps
        naps += 1
        if naps == 1:
            (program,) = directory.glob("*.py")
            subprocess.run([sys.executable, str(program)], cwd=directory, check=True, capture_output=True, timeout=60)
        if naps == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(exchange_commands, "time", SimpleNamespace(sleep=nap))
    result = run(tenant, "--follow", "--json")
    told = [json.loads(line)["id"] for line in result.stdout.splitlines() if line.startswith("{")]
    assert len(told) == len(set(told)) == before + 2
