"""The commands of `prop-sandbox` for who has joined, or is about to."""

import json
import time
from pathlib import Path
from typing import Any

import click

from sandbox.logins import find_address
from sandbox.settings import data_directory
from sandbox.tenants.client import SandboxSaidNo, TenantClient
from sandbox.tenants.join_command import DIRECTORY, TENANT_FILE
from sandbox.tenants.join_command import join as join_sandbox
from service.settings import process_environment

LOOK_SECONDS = 0.25
JOB = "{ id kind state percent doing events problem }"

directory_option = click.option(
    "--dir", "directory", type=click.Path(path_type=Path), default=DIRECTORY, help="Where keys and programs are."
)
url_option = click.option(
    "--url", help="Where the sandbox answers; by default where the tenant joined, or that of the one started here."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")


@click.command()
@click.option("--name", help="The institution's legal name; made up if left out.")
@url_option
@directory_option
@json_option
def join(name: str | None, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Get a participant of one's own, with certificates for keys that are made here."""
    client, tick = TenantClient(_address(url)), lambda doing: _tell(doing, quiet=as_json)
    joined = join_sandbox(client, directory, name, tick, address=url)
    if as_json:
        shown = {key: joined[key] for key in ("environment", "binding", "tenant", "graphql", "control")}
        click.echo(json.dumps(shown | {"directory": str(directory)}, ensure_ascii=False))
        return
    tenant = joined["tenant"]
    click.echo(f"{joined['environment']}: {joined['notice']}")
    click.echo(f"You are {tenant['code']}, {tenant['legalName']} ({tenant['id']}).")
    click.echo(f"In {directory}: six keys with their certificates, {TENANT_FILE} with the secret, four programs.")
    click.echo("Run any of them:")
    for snippet in joined["operators"][0]["snippets"]:
        click.echo(f"  cd {directory} && {snippet['run']}")


@click.group()
def clock() -> None:
    """The tenant's own time: forward only."""


@clock.command()
@click.argument("by")
@url_option
@directory_option
@json_option
def advance(by: str, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Move it forward BY a span such as 30d, 36h or 1d12h, and let happen what time brings."""
    _run(f"mutation ($by: String!) {{ job: advanceClock(by: $by) {JOB} }}", url, directory, as_json=as_json, by=by)


@clock.command(name="set")
@click.argument("to")
@url_option
@directory_option
@json_option
def set_(to: str, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Move it forward TO a moment such as 2030-01-01T00:00:00Z."""
    _run(f"mutation ($to: DateTime!) {{ job: setClock(to: $to) {JOB} }}", url, directory, as_json=as_json, to=to)


@click.command()
@click.argument("name")
@url_option
@directory_option
@json_option
def snapshot(name: str, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Keep all that the tenant has under NAME."""
    query = f"mutation ($name: String!) {{ job: takeSnapshot(name: $name) {JOB} }}"
    _run(query, url, directory, as_json=as_json, name=name)


@click.command()
@click.argument("name")
@url_option
@directory_option
@json_option
def restore(name: str, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Put back what the snapshot NAME kept, its time included. Records stay."""
    query = f"mutation ($name: String!) {{ job: restoreSnapshot(name: $name) {JOB} }}"
    _run(query, url, directory, as_json=as_json, name=name)


def reset_tenant(directory: Path, url: str | None, *, as_json: bool) -> None:
    """Put the tenant of `directory` back to how it was when it joined. Raises SandboxSaidNo."""
    _run(f"mutation {{ job: reset {JOB} }}", url, directory, as_json=as_json)


def _run(mutation: str, url: str | None, directory: Path, *, as_json: bool, **variables: object) -> None:
    """Begin a job, show how it goes on, and end as it does. Raises SandboxSaidNo, also for a job that failed."""
    client = client_of(directory, url)
    job = client.control(mutation, **variables)["job"]
    if as_json:
        job = _followed(client, job)
        click.echo(json.dumps(job))
    else:
        with click.progressbar(length=100, label=job["kind"].lower().replace("_", " "), item_show_func=str) as bar:
            job = _followed(client, job, bar)
    if job["state"] != "DONE":
        raise SandboxSaidNo(f"The job failed: {job['problem']}")


def _followed(client: TenantClient, job: dict[str, Any], bar: Any = None) -> dict[str, Any]:
    """The job when it has ended; `bar` is click's, where somebody looks on."""
    shown = 0
    while True:
        if bar is not None:
            bar.update(job["percent"] - shown, job["doing"])
            shown = job["percent"]
        if job["state"] != "RUNNING":
            return job
        time.sleep(LOOK_SECONDS)
        job = client.control(f"query ($id: ID!) {{ job(id: $id) {JOB} }}", id=job["id"])["job"]


def client_of(directory: Path, url: str | None) -> TenantClient:
    """The control endpoint, asked as the tenant of a directory. Raises SandboxSaidNo where it holds none.

    Without a URL, that of the sandbox which was named in joining: no other one is given the secret.
    """
    kept = _kept(directory)
    return TenantClient(_address(url or kept.get("address")), str(kept["secret"]))


def _kept(directory: Path) -> dict[str, Any]:
    """What joining left, the secret among it."""
    try:
        kept = json.loads((directory / TENANT_FILE).read_text())
        return dict(kept, secret=kept["secret"])
    except (OSError, ValueError, KeyError, TypeError):
        raise SandboxSaidNo(
            f"{directory} holds no tenant: join with `prop-sandbox join`, or name it by --dir."
        ) from None


def _tell(doing: str, *, quiet: bool) -> None:
    if not quiet:
        click.echo(f"... {doing}", err=True)


def _address(url: str | None) -> str:
    return url or find_address(data_directory(process_environment()))
