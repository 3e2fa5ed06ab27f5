"""`prop-sandbox conformance`: a run from the command line, from its beginning to a report that `prop` can read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sandbox.cli import main
from sandbox.conformance.cases import all_cases
from tests.sandbox.starting import sandbox

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    root = tmp_path_factory.mktemp("conformance")
    with sandbox(root / "data", "--port", "0") as (_, url):
        joined = CliRunner().invoke(main, ["join", "--url", url, "--dir", str(root / "tenant")])
        assert joined.exit_code == 0, joined.output
        yield root / "tenant", url


def run(tenant: tuple[Path, str], *command: str) -> Result:
    directory, url = tenant
    return CliRunner().invoke(main, ["conformance", *command, "--url", url, "--dir", str(directory)])


def read(tenant: tuple[Path, str], *command: str) -> Any:
    result = run(tenant, *command, "--json")
    assert result.exit_code in {0, 1}, result.output
    return json.loads(result.stdout)


def test_a_run_from_its_beginning_to_its_report(tenant: tuple[Path, str], tmp_path: Path):
    assert [each["id"] for each in read(tenant, "list")] == [each.id for each in all_cases()]
    assert run(tenant, "status").exit_code == 1, "there is none yet"
    assert read(tenant, "begin")["state"] == "RUNNING"
    told = run(tenant, "begin", "offboard-in-time")
    assert "offboardOperator" in told.output
    assert "operator: sbx-op-" in told.output
    assert read(tenant, "status")["current"]["id"] == "offboard-in-time"
    failed = run(tenant, "finish")
    assert "SMS and certificates behind" in " ".join(failed.output.split())
    assert run(tenant, "report").exit_code == 1, "it has not ended"
    ended = read(tenant, "finish")
    assert ended["state"] == "FAILED"
    followed = run(tenant, "status", "--follow")
    assert (followed.exit_code, ended["id"] in followed.output) == (1, True)
    for form, begins in (("json", b'{"begunAt"'), ("html", b"<!doctype"), ("pdf", b"%PDF"), ("jws", b"ey")):
        file = tmp_path / f"report.{form}"
        assert run(tenant, "report", "--form", form, "--out", str(file)).exit_code == 0
        assert file.read_bytes().startswith(begins)
    assert run(tenant, "begin").exit_code == 0
    assert read(tenant, "abandon")["state"] == "ABANDONED"
