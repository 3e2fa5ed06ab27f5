"""`prop-sandbox`: the test world from the command line. Starts from nothing; keeps what it needs in `.data/`."""

import shutil
import sys
from pathlib import Path

import click

from sandbox.embedded import EmbeddedMissing
from sandbox.locks import DirectoryInUse, hold_directory
from sandbox.serving import embedded_directory, serve_sandbox
from sandbox.settings import SandboxSettings, read_sandbox_settings
from sandbox.world import SANDBOX
from service.reference import reference
from service.sentences import SpeakingGroup
from service.server import CannotListen
from service.settings import SettingsError, process_environment, variable


class SandboxGroup(SpeakingGroup):
    foreseen = (CannotListen, EmbeddedMissing, DirectoryInUse)


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


def _announce(address: str) -> None:
    click.echo(f"{SANDBOX.environment.value}: {SANDBOX.notice}")
    click.echo(f"  GraphQL, and GraphiQL in a browser  {address}/graphql")
    click.echo(f"  The schema                          {address}/schema.graphql")
    click.echo(f"  Health                              {address}/readyz")
    click.echo(f"Ctrl-C ends it; {variable(SANDBOX, 'log_level')}=info shows each request.")


@main.command()
@click.confirmation_option(prompt="Remove all data of the embedded database?")
def reset() -> None:
    """Remove all data of the embedded database; the next start begins anew. Keys stay."""
    settings = read_sandbox_settings(process_environment())
    if not settings.embedded:
        name = variable(SANDBOX, "mongo_uri")
        raise SettingsError((f"{name} is set: drop {settings.database} and {settings.evidence_database} there.",))
    directory = embedded_directory(settings)
    if directory.exists():
        with hold_directory(directory):
            shutil.rmtree(directory)
    click.echo("The sandbox is empty.")


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
