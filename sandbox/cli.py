"""`prop-sandbox`: the test world from the command line. Starts from nothing; keeps what it needs in `.data/`."""

import shutil
import sys
from pathlib import Path

import click

from sandbox.conformance.commands import conformance
from sandbox.embedded import EmbeddedMissing
from sandbox.inspector.commands import inspect
from sandbox.locks import DirectoryInUse, hold_directory
from sandbox.logins import NoLogin, fetch_token, find_address
from sandbox.personas.commands import personas
from sandbox.personas.credentials import Credentials, personas_directory
from sandbox.personas.people import PERSONAS
from sandbox.scenarios.commands import faults, scenarios
from sandbox.serving import FIRST, embedded_directory, serve_sandbox
from sandbox.settings import SandboxSettings, data_directory, read_sandbox_settings
from sandbox.storage.foreign_data import ForeignData
from sandbox.tenants.client import SandboxSaidNo
from sandbox.tenants.commands import clock, join, json_option, reset_tenant, restore, snapshot, url_option
from sandbox.tenants.join_command import DirectoryTaken
from sandbox.webhooks.commands import events, fire, webhooks
from sandbox.world import SANDBOX
from service.clock import SystemClock
from service.reference import reference
from service.sentences import SpeakingGroup
from service.server import CannotListen
from service.settings import process_environment
from service.settings_reading import SettingsError, variable

EXAMPLE = '{"query": "{ viewer { environment kind } platform { name } }"}'


class SandboxGroup(SpeakingGroup):
    foreseen = (CannotListen, EmbeddedMissing, DirectoryInUse, ForeignData, NoLogin, DirectoryTaken, SandboxSaidNo)


@click.group(cls=SandboxGroup)
def main() -> None:
    """The sandbox of PROP: the same service on data that binds nobody (art. 17)."""


@main.command()
@click.option("--port", type=click.IntRange(0, 65_535), help="The port to listen on; 0 takes any free one.")
@click.option("--agreement", type=click.Path(path_type=Path), help="The agreement's text, instead of the digest.")
def serve(port: int | None, agreement: Path | None) -> None:
    """Serve until Ctrl-C, on the embedded database unless SANDBOX_MONGO_URI names another.

    An option goes before its variable.
    """
    given = {"port": port, "agreement": agreement}
    options = {variable(SANDBOX, name): str(value) for name, value in given.items() if value is not None}
    sys.exit(serve_sandbox(read_sandbox_settings({**process_environment(), **options}), _announce))


def _announce(address: str, token: str | None) -> None:
    click.echo(f"{SANDBOX.environment.value}: {SANDBOX.notice}")
    click.echo(f"  GraphQL, and GraphiQL in a browser  {address}/graphql")
    click.echo(f"  The schema                          {address}/schema.graphql")
    click.echo(f"  Health                              {address}/readyz")
    click.echo("  Who you can be                      prop-sandbox personas; prop-sandbox token NAME")
    click.echo(f"Ctrl-C ends it; {variable(SANDBOX, 'log_level')}=info shows each request.")
    if token is not None:
        click.echo(f"\nReady as {FIRST}, for ten minutes:\n")
        click.echo(f"  curl -s {address}/graphql -H 'content-type: application/json' \\")
        click.echo(f"    -H 'authorization: Bearer {token}' \\")
        click.echo(f"    -d '{EXAMPLE}'\n")


@main.command()
@click.argument("name")
@click.option("--url", help="Where the sandbox answers; by default that of the one started here.")
def token(name: str, url: str | None) -> None:
    """Log in as the persona NAME and print its bearer token, and nothing else."""
    if name not in PERSONAS:
        raise click.BadParameter(f"there is no persona {name!a}; there are {', '.join(PERSONAS)}.", param_hint="NAME")
    directory = data_directory(process_environment())
    credential = Credentials(personas_directory(directory)).find(name)
    if credential is None:
        raise NoLogin(f"{directory} holds no key of {name}: start the sandbox first, with `prop-sandbox serve`.")
    click.echo(fetch_token(url or find_address(directory), credential, SystemClock()))


@main.command()
@click.option("--tenant", type=click.Path(path_type=Path), help="Reset the tenant of this directory, and no other.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@url_option
@json_option
def reset(tenant: Path | None, url: str | None, *, yes: bool, as_json: bool) -> None:
    """Remove all data of the embedded database; the next start begins anew. Keys stay."""
    if tenant is not None:
        reset_tenant(tenant, url, as_json=as_json)
        return
    if not yes:
        click.confirm("Remove all data of the embedded database?", abort=True)
    settings = read_sandbox_settings(process_environment())
    if not settings.embedded:
        name = variable(SANDBOX, "mongo_uri")
        raise SettingsError((f"{name} is set: drop {settings.database} and {settings.evidence_database} there.",))
    directory = embedded_directory(settings)
    if directory.exists():
        with hold_directory(directory):
            shutil.rmtree(directory)
    click.echo("The sandbox is empty.")


for each in (personas, join, clock, snapshot, restore, events, fire, webhooks, scenarios, faults, conformance, inspect):
    main.add_command(each)


@main.group()
def config() -> None:
    """The settings."""


@config.command()
@click.option("--reference", "table", is_flag=True, help="Print all variables as a Markdown table, and check nothing.")
def check(*, table: bool) -> None:
    """Say all that is wrong with the settings."""
    if table:
        click.echo(reference(SANDBOX, SandboxSettings), nl=False)
        return
    read_sandbox_settings(process_environment())
    click.echo("The settings are complete and do not contradict each other.")
