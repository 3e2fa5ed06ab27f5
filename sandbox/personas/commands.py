"""`prop-sandbox personas`: who can be logged in as, and putting them back to how they were made."""

import json

import click

from sandbox.logins import find_address
from sandbox.personas.people import PERSONAS
from sandbox.settings import data_directory
from sandbox.tenants.client import TenantClient
from sandbox.tenants.commands import json_option, url_option
from service.settings import process_environment


@click.command()
@click.option("--reset", is_flag=True, help="Put back what anybody changed of theirs, in the sandbox that runs.")
@url_option
@json_option
def personas(url: str | None, *, reset: bool, as_json: bool) -> None:
    """List who can be logged in as, and what each shows."""
    if reset:
        _reset(url or find_address(data_directory(process_environment())), as_json=as_json)
    elif as_json:
        shown = [{"name": each.name, "shows": each.shows, "showsZh": each.shows_zh} for each in PERSONAS.values()]
        click.echo(json.dumps(shown, ensure_ascii=False))
    else:
        for persona in PERSONAS.values():
            whose = persona.institution.code if persona.institution else "-"
            click.echo(f"{persona.name:<20} {whose:<7} {persona.role.value:<14} {persona.shows}")
            click.echo(f"{'':<43} {persona.shows_zh}")


def _reset(address: str, *, as_json: bool) -> None:
    """Raises SandboxSaidNo."""
    done = TenantClient(address).control("mutation { resetPersonas { objects } }")["resetPersonas"]
    said = f"The personas are as they were made; put back: {done['objects']}."
    click.echo(json.dumps(done) if as_json else said)
