"""The commands of `prop-sandbox` for who has joined, or is about to."""

import json
from pathlib import Path

import click

from sandbox.join_command import DIRECTORY, TENANT_FILE
from sandbox.join_command import join as join_sandbox
from sandbox.logins import find_address
from sandbox.settings import data_directory
from sandbox.tenant_client import TenantClient
from service.settings import process_environment

directory_option = click.option(
    "--dir", "directory", type=click.Path(path_type=Path), default=DIRECTORY, help="Where keys and programs are."
)
url_option = click.option("--url", help="Where the sandbox answers; by default that of the one started here.")
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")


@click.command()
@click.option("--name", help="The institution's legal name; made up if left out.")
@url_option
@directory_option
@json_option
def join(name: str | None, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Get a participant of one's own, with certificates for keys that are made here."""
    joined = join_sandbox(
        TenantClient(url or find_address(data_directory(process_environment()))),
        directory,
        name,
        lambda doing: _tell(doing, quiet=as_json),
    )
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


def _tell(doing: str, *, quiet: bool) -> None:
    if not quiet:
        click.echo(f"... {doing}", err=True)


def _address(url: str | None) -> str:
    return url or find_address(data_directory(process_environment()))
