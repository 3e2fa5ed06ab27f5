"""The commands of `prop-sandbox` about the conformance suite: what it asks, how a run goes on, what came of it."""

import json
import time
from pathlib import Path
from typing import Any

import click

from sandbox.tenants.client import SandboxSaidNo, TenantClient
from sandbox.tenants.commands import client_of, directory_option, json_option, url_option

LOOK_SECONDS = 0.5
FORMS = ("json", "html", "pdf", "jws")
RUN = """{ id state percent facts { name value } current { id facts { name value } }
  cases { id state attempt findings { meeting advice adviceZh } } reports { form url } }"""
SIGNS = {"PASSED": "+", "FAILED": "-", "RUNNING": "..."}


@click.group()
def conformance() -> None:
    """Prove what your client does: cases, graded from what the server saw, and a signed report."""


@conformance.command(name="list")
@url_option
@directory_option
@json_option
def list_(url: str | None, directory: Path, *, as_json: bool) -> None:
    """List the cases: what each asks for, and the article that it proves."""
    query = "{ cases: conformanceCases { id article title titleZh instructions instructionsZh seconds } }"
    cases = client_of(directory, url).control(query)["cases"]
    if as_json:
        click.echo(json.dumps(cases, ensure_ascii=False))
        return
    for each in cases:
        click.echo(f"{each['id']:<24} art. {each['article']:<3} {each['title']}\n{'':<33} {each['titleZh']}")


@conformance.command()
@click.argument("case", required=False)
@url_option
@directory_option
@json_option
def begin(case: str | None, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Begin a run; with CASE, begin that case of it: then do what it says, and `finish`."""
    client = client_of(directory, url)
    if case is None:
        _show(client.control(f"mutation {{ run: beginConformanceRun {RUN} }}")["run"], as_json=as_json)
        return
    run = _ask(client, "beginConformanceCase", _latest(client)["id"], case=case)
    if as_json:
        click.echo(json.dumps(run, ensure_ascii=False))
        return
    _tell_case(client, run)


@conformance.command()
@url_option
@directory_option
@json_option
def finish(url: str | None, directory: Path, *, as_json: bool) -> None:
    """Finish the case under way; where none is, end the run, which signs its report."""
    client = client_of(directory, url)
    run = _latest(client)
    mutation = "finishConformanceCase" if run["current"] else "finishConformanceRun"
    _show(_ask(client, mutation, run["id"]), as_json=as_json)


@conformance.command()
@url_option
@directory_option
@json_option
def abandon(url: str | None, directory: Path, *, as_json: bool) -> None:
    """End the run without a report."""
    client = client_of(directory, url)
    _show(_ask(client, "abandonConformanceRun", _latest(client)["id"]), as_json=as_json)


@conformance.command()
@click.option("--follow", is_flag=True, help="Go on until the run has ended, with a progress bar.")
@url_option
@directory_option
@json_option
def status(url: str | None, directory: Path, *, follow: bool, as_json: bool) -> None:
    """Show how the latest run stands. Exit status 1 for one that failed or was abandoned."""
    client = client_of(directory, url)
    run = _latest(client)
    if follow and not as_json:
        with click.progressbar(length=100, label="conformance", item_show_func=str) as bar:
            run = _followed(client, run, bar)
    elif follow:
        run = _followed(client, run)
    _show(run, as_json=as_json)
    if run["state"] in {"FAILED", "ABANDONED"}:
        raise SystemExit(1)


@conformance.command()
@click.option("--form", type=click.Choice(FORMS), default="jws", help="jws is what `prop conformance check` takes.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file; standard output, if left out.")
@url_option
@directory_option
def report(form: str, out: Path | None, url: str | None, directory: Path) -> None:
    """Get the report of the latest run that has one."""
    client = client_of(directory, url)
    run = _latest(client, reported=True)
    body = client.fetch(f"/sandbox/conformance/{run['id']}/report.{form}")
    if out is None:
        click.echo(body, nl=False)
        return
    out.write_bytes(body)
    click.echo(f"{out}: {run['id']}, {run['state']}", err=True)


def _latest(client: TenantClient, *, reported: bool = False) -> dict[str, Any]:
    """The newest run; with `reported`, the newest that has a report. Raises SandboxSaidNo where there is none."""
    runs = client.control("{ runs: conformanceRuns { id reports { form } } }")["runs"]
    found = next((each for each in runs if each["reports"] or not reported), None)
    if found is None:
        missing = "No run has a report yet: finish" if reported else "There is no run yet: begin"
        raise SandboxSaidNo(f"{missing} one with prop-sandbox conformance.")
    return _run(client, found["id"])


def _run(client: TenantClient, run_id: str) -> dict[str, Any]:
    return dict(client.control(f"query ($id: ID!) {{ run: conformanceRun(id: $id) {RUN} }}", id=run_id)["run"])


def _ask(client: TenantClient, mutation: str, run: str, case: str | None = None) -> dict[str, Any]:
    declared, given = (", $case: String!", ", caseId: $case") if case else ("", "")
    query = f"mutation ($run: ID!{declared}) {{ run: {mutation}(runId: $run{given}) {RUN} }}"
    return dict(client.control(query, run=run, **({"case": case} if case else {}))["run"])


def _followed(client: TenantClient, run: dict[str, Any], bar: Any = None) -> dict[str, Any]:
    """The run when it has ended; `bar` is click's, where somebody looks on."""
    shown = 0
    while True:
        if bar is not None:
            bar.update(run["percent"] - shown, run["current"]["id"] if run["current"] else "")
            shown = run["percent"]
        if run["state"] != "RUNNING":
            return run
        time.sleep(LOOK_SECONDS)
        run = _run(client, run["id"])


def _show(run: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(run, ensure_ascii=False))
        return
    click.echo(f"{run['id']}: {run['state']}, {run['percent']} %")
    for each in run["cases"]:
        click.echo(f"  {SIGNS[each['state']]:<4}{each['id']}")
        for finding in each["findings"]:
            if finding["meeting"] != "HELD":
                click.echo(f"      {finding['advice']}\n      {finding['adviceZh']}")
    for each in run["reports"]:
        click.echo(f"  {each['url']}")


def _tell_case(client: TenantClient, run: dict[str, Any]) -> None:
    cases = client.control("{ cases: conformanceCases { id instructions instructionsZh seconds } }")["cases"]
    case = next(each for each in cases if each["id"] == run["current"]["id"])
    click.echo(f"{case['instructions']}\n{case['instructionsZh']}\n")
    for fact in (*run["facts"], *run["current"]["facts"]):
        click.echo(f"{fact['name']}: {fact['value']}")
    click.echo(f"\nWithin {case['seconds']} s; then: prop-sandbox conformance finish")
