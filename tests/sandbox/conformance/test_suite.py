"""The suite over HTTP beside its cases: whose a run is, its report in every form, and what ends it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from click.testing import CliRunner

from sandbox.conformance import reporting, suite, verdicts
from sandbox.conformance.cases import all_cases
from sandbox.conformance.grader import Verdict
from sandbox.conformance.steps import OUTAGE
from service.cli import main as prop
from service.conformance_reports import ConformanceReport, parse
from service.pki.keys import facts_of
from service.world import Environment
from tests.sandbox.clients.good import GoodClient
from tests.sandbox.clients.speaking import Refused
from tests.sandbox.conformance.following import begin_run, done, joined, read
from tests.sandbox.conformance.test_clients import served

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]
FORMS = {"json": b'{"begunAt"', "html": b"<!doctype html>", "pdf": b"%PDF-", "jws": b"ey"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def http(wire_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with served(wire_uri, tmp_path_factory.mktemp("suite")) as opened:
        yield opened


async def fetch(client: GoodClient, form: str, secret: str | None = None, run: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {secret or client.secret}"}
    return await client.http.get(f"/sandbox/conformance/{run or client.run['id']}/report.{form}", headers=headers)


async def test_looking_at_runs_grades_the_case_under_way_once_and_none_that_was_given_up(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    client, graded = await joined(http), []
    await client.control_run("beginConformanceCase", caseId="log-in")
    monkeypatch.setattr(verdicts, "REST", 1_000)  # no answer is that late
    grade = suite.grade

    def noted(*given: Any, **more: Any) -> Verdict:
        graded.append(given[0].id)
        return grade(*given, **more)

    monkeypatch.setattr(suite, "grade", noted)
    look = "{ conformanceRuns { cases { findings { meeting } } } }"
    await client.control_run("abandonConformanceRun")
    await begin_run(client)
    await client.control(look)
    assert graded == []
    await client.control_run("beginConformanceCase", caseId="page-through")
    for _ in range(3):
        assert (await client.control(look))["conformanceRuns"][0]["cases"][0]["findings"]
    assert graded == ["page-through"]


async def test_a_report_in_every_form_is_verified_by_production_and_names_every_key(
    http: httpx.AsyncClient, tmp_path: Path
):
    client = await joined(http)
    first_key = facts_of(client.clerk.key.public_key()).spki_sha256
    assert (await fetch(client, "json")).status_code == 404, "it has not ended"
    await client.take("handle-revocation", client.handle_revocation)
    await client.take("least-privilege", client.least_privilege)
    ended = await client.control_run("finishConformanceRun")
    assert ended["state"] == "FAILED", "the other cases were not run"
    answers = {form: await fetch(client, form) for form in FORMS}
    for form, answer in answers.items():
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(FORMS[form])
        assert answer.headers["x-prop-binding"] == "false"
        assert answer.headers["cache-control"] == "no-store"
    report = parse(answers["json"].content, Environment.SANDBOX)
    ensure_says(report, client)
    keys = {first_key, facts_of(client.clerk.key.public_key()).spki_sha256}
    assert keys <= set(report.keys), "those of before the revocation too"
    assert "本用例未执行" in answers["html"].text
    (tmp_path / "report.jws").write_bytes(answers["jws"].content)
    (tmp_path / "jwks.json").write_bytes((await http.get("/log/jwks.json")).content)
    arguments = ["conformance", "check", str(tmp_path / "report.jws"), "--jwks", str(tmp_path / "jwks.json")]
    result = CliRunner().invoke(prop, arguments)
    assert (result.exit_code, "[CONFORMANCE_FAILED]" in result.output) == (1, True)


def ensure_says(report: ConformanceReport, client: GoodClient) -> None:
    assert (report.participant_code, report.run) == (client.code, client.run["id"])
    assert [each.id for each in report.cases] == [each.id for each in all_cases()]
    passed = {each.id for each in report.cases if each.verdict.value == "PASS"}
    assert passed == {"handle-revocation", "least-privilege"}


async def test_whoever_used_more_keys_than_a_report_holds_is_told_to_join_anew(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    client = await joined(http)
    monkeypatch.setattr(reporting, "MOST_KEYS", 1)
    with pytest.raises(RuntimeError, match="join anew"):
        await client.control_run("finishConformanceRun")
    assert (await read(client))["state"] == "RUNNING"


async def test_the_report_is_recorded_as_the_sandboxs_act(http: httpx.AsyncClient):
    client = await joined(http)
    await client.control_run("finishConformanceRun")
    query = '{ records(first: 1, filter: { kind: "conformance" }) { nodes { kind content environment binding } } }'
    (record,) = (await client.query(client.administrator, query))["records"]["nodes"]
    assert (record["kind"], record["environment"], record["binding"]) == ("conformance.reported", "SANDBOX", False)
    assert json.loads(record["content"])["content"]["run"] == client.run["id"]


async def test_anothers_run_is_as_none(http: httpx.AsyncClient):
    mine, neighbour = await joined(http), await joined(http)
    await mine.control_run("finishConformanceRun")
    assert (await fetch(mine, "jws")).status_code == 200
    assert (await fetch(mine, "jws", secret=neighbour.secret)).status_code == 404
    assert (await fetch(mine, "jws", secret="sbx_secret_x")).status_code == 401
    assert (await http.get(f"/sandbox/conformance/{mine.run['id']}/report.jws")).status_code == 401
    own = neighbour.run
    neighbour.run = mine.run
    assert await read(neighbour) == {}
    for mutation, arguments in (("beginConformanceCase", {"caseId": "log-in"}), ("abandonConformanceRun", {})):
        with pytest.raises(RuntimeError, match="no such run"):
            await neighbour.control_run(mutation, **arguments)
    neighbour.run = own
    assert (await read(neighbour))["state"] == "RUNNING"


async def test_a_tenant_has_one_run_at_a_time_and_one_case_and_a_reset_abandons_it(http: httpx.AsyncClient):
    client = await joined(http)
    with pytest.raises(RuntimeError, match="under way"):
        await client.control("mutation { beginConformanceRun { id } }")
    await client.control_run("beginConformanceCase", caseId="log-in")
    for mutation, arguments in (("beginConformanceCase", {"caseId": "read-agreement"}), ("finishConformanceRun", {})):
        with pytest.raises(RuntimeError, match="under way"):
            await client.control_run(mutation, **arguments)
    with pytest.raises(RuntimeError, match="There is no case"):
        await client.control_run("beginConformanceCase", caseId="nothing")
    await done(client, "reset")
    assert (await read(client))["state"] == "ABANDONED"
    assert (await client.control("mutation { run: beginConformanceRun { state } }"))["run"]["state"] == "RUNNING"


async def test_what_was_done_before_a_case_does_not_count_for_the_clocks_being_moved_in_it(http: httpx.AsyncClient):
    client = await joined(http)
    await client.read_agreement({})
    await client.control_run("beginConformanceCase", caseId="read-agreement")
    await done(client, 'advanceClock(by: "1m")')
    await client.control_run("finishConformanceCase")
    assert (await read(client))["cases"] == [{"id": "read-agreement", "state": "FAILED", "attempt": 1}]


async def test_whoever_looks_as_a_cases_time_is_up_is_told_how_it_ended_and_so_are_all_others(http: httpx.AsyncClient):
    client = await joined(http)
    await client.control_run("beginConformanceCase", caseId="read-agreement")
    await done(client, 'advanceClock(by: "11m")')
    looks = await asyncio.gather(*(read(client) for _ in range(4)))
    assert {each["cases"][0]["state"] for each in looks} == {"FAILED"}


async def test_a_run_that_is_over_is_not_listed_as_running(http: httpx.AsyncClient):
    client = await joined(http)
    await done(client, 'advanceClock(by: "25h")')
    assert (await client.control("{ conformanceRuns { state } }"))["conformanceRuns"] == [{"state": "ABANDONED"}]


async def test_the_newest_runs_of_a_tenant_are_kept_and_nobody_elses_go(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(suite, "MOST_RUNS", 2)
    client, neighbour = await joined(http), await joined(http)
    begun = [client.run["id"]]
    for _ in range(3):
        await client.control_run("abandonConformanceRun")
        client.run = (await client.control("mutation { run: beginConformanceRun { id } }"))["run"]
        begun.append(client.run["id"])
    listed = (await client.control("{ conformanceRuns { id } }"))["conformanceRuns"]
    assert [each["id"] for each in listed] == begun[:1:-1]
    assert (await read(neighbour))["state"] == "RUNNING"


async def test_whoever_rejects_the_revision_fails_one_case_and_goes_on(http: httpx.AsyncClient):
    client = await joined(http)

    async def reject(facts: dict[str, str]) -> None:
        await client.act(client.administrator, "rejectAgreement", {"number": int(facts["number"])})
        with pytest.raises(Refused, match="AGREEMENT_REJECTED"):
            await client.act(
                client.administrator, "subscribeSms", {"operatorId": client.administrator.operator, "topic": "NOTICE"}
            )

    await client.take("accept-revision", reject)
    await client.take("least-privilege", client.least_privilege)
    states = {each["id"]: each["state"] for each in (await read(client))["cases"]}
    assert states == {"accept-revision": "FAILED", "least-privilege": "PASSED"}
    await client.take("accept-revision", client.accept_revision)
    assert [each["attempt"] for each in (await read(client))["cases"] if each["state"] == "PASSED"] == [2, 1]


async def test_an_outage_passes_by_itself_and_gives_back_the_faults_that_were_set(http: httpx.AsyncClient):
    client = await joined(http)
    await client.control("mutation { setFaults(input: { latencyMs: 1 }) { latencyMs } }")
    await client.control_run("beginConformanceCase", caseId="heed-rate-limit")
    await client.query(client.administrator, "{ viewer { kind } }")
    await asyncio.sleep(OUTAGE.total_seconds() + 0.5)
    faults = (await client.control("{ faults { latencyMs rateLimited } }"))["faults"]
    assert faults == {"latencyMs": 1, "rateLimited": 0}
