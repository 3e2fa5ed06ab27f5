"""`prop-sandbox scenarios` and `prop-sandbox faults`: outcomes on demand, from the command line."""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from sandbox.scenarios.catalogue import SCENARIOS
from sandbox.scenarios.faults import LONGEST_LATENCY_MS, Faults
from sandbox.tenants.commands import client_of, directory_option, json_option, url_option
from service.storage.documents import camel

NAMES = tuple(each.name for each in fields(Faults))
SHOWN = f"{{ {' '.join(map(camel, NAMES))} }}"

Command = Callable[..., Any]


@click.command()
@json_option
def scenarios(*, as_json: bool) -> None:
    """List the scenarios: outcomes that a request asks for by the header X-PROP-Test-Scenario."""
    if as_json:
        shown = [
            {"name": each.name, "shows": each.shows, "showsZh": each.shows_zh, "answer": each.answer}
            for each in SCENARIOS.values()
        ]
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    for each in SCENARIOS.values():
        article = f"art. {each.article}" if each.article else ""
        click.echo(f"{each.name:<23} {each.answer:<22} {article:<8} {each.shows}")
        click.echo(f"{'':<55} {each.shows_zh}")


@click.group(invoke_without_command=True)
@url_option
@directory_option
@json_option
@click.pass_context
def faults(context: click.Context, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Show what goes wrong for the tenant, or set it."""
    if context.invoked_subcommand is None:
        _run(f"{{ faults {SHOWN} }}", url, directory, as_json=as_json)


def _shares(command: Command) -> Command:
    for name in reversed(NAMES):
        most, unit = (LONGEST_LATENCY_MS, "milliseconds") if name == "latency_ms" else (100, "percent")
        option = click.option(f"--{name.replace('_', '-')}", type=click.IntRange(0, most), help=f"0 to {most} {unit}.")
        command = option(command)
    return command


@faults.command(name="set")
@_shares
@url_option
@directory_option
@json_option
def set_(url: str | None, directory: Path, *, as_json: bool, **shares: int | None) -> None:
    """Let these things go wrong from now on; what is left out does not."""
    given = {camel(name): value for name, value in shares.items() if value is not None}
    query = f"mutation ($input: FaultsInput!) {{ faults: setFaults(input: $input) {SHOWN} }}"
    _run(query, url, directory, as_json=as_json, input=given)


@faults.command()
@url_option
@directory_option
@json_option
def clear(url: str | None, directory: Path, *, as_json: bool) -> None:
    """Back to what all tenants have that set nothing."""
    _run(f"mutation {{ faults: clearFaults {SHOWN} }}", url, directory, as_json=as_json)


def _run(query: str, url: str | None, directory: Path, *, as_json: bool, **variables: object) -> None:
    held = client_of(directory, url).control(query, **variables)["faults"]
    if as_json:
        click.echo(json.dumps(held))
        return
    for name in NAMES:
        click.echo(f"{name.replace('_', '-'):<17} {held[camel(name)]:>6} {'ms' if name == 'latency_ms' else '%'}")
