"""`prop-sandbox inspect`: what the tenant's programs asked, what they were told, and why."""

import json
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from sandbox.inspector.exchanges import Outcome
from sandbox.tenants.client import SandboxSaidNo, TenantClient
from sandbox.tenants.commands import client_of, directory_option, json_option, url_option

FOLLOW_SECONDS = 1.0
PAGE = 50
REMEMBERED = 1_000  # exchanges that --follow knows it has shown
LIST = """query ($filter: ExchangeFilter, $first: Int) { exchanges(filter: $filter, first: $first) { nodes {
  id at endpoint operationName operationKind outcome status codes operatorNumber milliseconds } } }"""
ONE = """query ($id: ID!) { exchange(id: $id) {
  id at tenantAt endpoint protocol method requestId status outcome operationName operationKind document variables masked
  operatorId operatorNumber codes cost milliseconds answers scenario fault idempotencyKey digest link notReplayable
  why { code article articleText articleTextEn field message messageZh advice adviceZh permission permissionWhy } } }"""
SHOWN = (
    "at",
    "tenantAt",
    "protocol",
    "status",
    "outcome",
    "operatorNumber",
    "cost",
    "milliseconds",
    "requestId",
    "link",
)


@click.command()
@click.argument("exchange_id", metavar="[ID]", required=False)
@click.option("--code", help="Only those with this code of an error or a refusal.")
@click.option("--operation", help="Only those of the operation with this name.")
@click.option("--outcome", type=click.Choice(list(Outcome), case_sensitive=False), help="Only those that ended so.")
@click.option("--limit", type=click.IntRange(1, 100), default=PAGE, show_default=True, help="How many, the latest.")
@click.option("--follow", is_flag=True, help="Go on with those that come, until Ctrl-C.")
@url_option
@directory_option
@json_option
def inspect(
    *,
    exchange_id: str | None,
    code: str | None,
    operation: str | None,
    outcome: str | None,
    limit: int,
    follow: bool,
    url: str | None,
    directory: Path,
    as_json: bool,
) -> None:
    """List what the tenant's programs asked, the latest last; of ID, all that is known and why it was refused."""
    client = client_of(directory, url)
    if exchange_id is not None:
        _show_one(client, exchange_id, as_json=as_json)
        return
    wanted = {"code": code, "operation": operation, "outcome": outcome.upper() if outcome else None}
    filtered = {name: value for name, value in wanted.items() if value}
    found = _coming(client, filtered, limit) if follow else iter(_latest(client, filtered, limit))
    for each in found:
        click.echo(json.dumps(each, ensure_ascii=False) if as_json else _line(each))


def _latest(client: TenantClient, wanted: dict[str, str], limit: int) -> list[dict[str, Any]]:
    """The oldest of them first."""
    nodes: list[dict[str, Any]] = client.control(LIST, filter=wanted, first=limit)["exchanges"]["nodes"]
    return nodes[::-1]


def _coming(client: TenantClient, wanted: dict[str, str], limit: int) -> Iterator[dict[str, Any]]:
    """Those there are and those that come; one that runs is told again when it has ended."""
    told: dict[str, str] = {}
    while True:
        for each in _latest(client, wanted, limit):
            if told.get(each["id"]) != each["outcome"]:
                told[each["id"]] = each["outcome"]
                yield each
        told = dict(islice(told.items(), max(0, len(told) - REMEMBERED), None))
        time.sleep(FOLLOW_SECONDS)


def _line(exchange: dict[str, Any]) -> str:
    name = exchange["operationName"] or exchange["operationKind"] or exchange["endpoint"]
    took = "..." if exchange["milliseconds"] is None else f"{exchange['milliseconds']} ms"
    codes = " ".join(exchange["codes"])
    who = exchange["operatorNumber"] or "-"
    return (
        f"{exchange['id']}  {exchange['at'][:19]}  {exchange['outcome']:<8} {who:<7} {took:>8}  {name} {codes}".rstrip()
    )


def _show_one(client: TenantClient, exchange_id: str, *, as_json: bool) -> None:
    """Raises SandboxSaidNo where there is none."""
    exchange = client.control(ONE, id=exchange_id)["exchange"]
    if exchange is None:
        raise SandboxSaidNo(f"This tenant has no exchange {exchange_id[:64]}: `prop-sandbox inspect` lists them.")
    if as_json:
        click.echo(json.dumps(exchange, ensure_ascii=False))
        return
    click.echo(exchange["operationName"] or exchange["operationKind"] or exchange["endpoint"])
    for why in exchange["why"]:
        _explain(why)
    for name in SHOWN:
        if exchange[name] is not None:
            click.echo(f"  {name:<16}{exchange[name]}")
    for name in ("document", "variables"):
        if exchange[name]:
            click.echo(f"\n{name}:\n{exchange[name]}")
    if exchange["masked"]:
        click.echo("\nWhat was private has been masked, and was not kept.")


def _explain(why: dict[str, Any]) -> None:
    place = f" ({'.'.join(why['field'])})" if why["field"] else ""
    article = f", art. {why['article']}" if why["article"] else ""
    click.echo(f"\n{why['code']}{place}{article}")
    for text in (why["message"], why["messageZh"], why["permissionWhy"], why["advice"], why["adviceZh"]):
        if text:
            click.echo(f"  {text}")
    click.echo()
