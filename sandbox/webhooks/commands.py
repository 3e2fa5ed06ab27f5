"""The commands of `prop-sandbox` about events: fire one, see it arrive, deliver it again."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sandbox.snippets.webhooks import secret_file
from sandbox.tenants.commands import client_of, directory_option, json_option, url_option

WEBHOOK = "{ id url topics state failures missed pausedBecause formerSecretUntil }"
HEADS = "requestHead responseHead responseBody"
MANNERS = click.Choice(["ok", "error", "slow", "gone"])

Command = Callable[..., None]


def _asking(command: Command) -> Command:
    """With the options of every command that asks as a tenant."""
    return url_option(directory_option(json_option(command)))


@click.command()
@_asking
def events(url: str | None, directory: Path, *, as_json: bool) -> None:
    """List the events there are: what `fire` takes."""
    answer = client_of(directory, url).control("{ eventTypes { name article zh en forAll example } }")["eventTypes"]
    _show(answer, lambda each: f"{each['name']:<36} art. {each['article']:<3} {each['en']} {each['zh']}", as_json)


@click.command()
@click.argument("event")
@click.option("--subject", help="The id of what it is about; made up if left out.")
@click.option("--content", help="What the record would say, as a JSON object; an example if left out.")
@_asking
def fire(
    event: str, subject: str | None, content: str | None, url: str | None, directory: Path, *, as_json: bool
) -> None:
    """Tell the tenant's webhooks of EVENT as if it had happened; nothing else changes."""
    query = (
        "mutation ($type: String!, $subject: ID, $content: String)"
        " { fireEvent(type: $type, subject: $subject, content: $content) { id payload deliveries { id webhookId } } }"
    )
    client = client_of(directory, url)
    fired = client.control(query, type=event, subject=subject, content=content)["fireEvent"]
    if as_json:
        click.echo(json.dumps(fired, ensure_ascii=False))
        return
    click.echo(f"{fired['id']} is on its way to {len(fired['deliveries'])} webhooks: prop-sandbox webhooks log")
    for each in fired["deliveries"]:
        click.echo(f"  {each['id']}")


@click.group()
def webhooks() -> None:
    """Where the tenant's events are sent, and what became of each."""


@webhooks.command()
@click.argument("address", required=False)
@click.option("--topic", "topics", multiple=True, help="An event type or its beginning, such as certificate.")
@click.option("--description", default="", help="What it is for.")
@_asking
def add(
    address: str | None,
    topics: tuple[str, ...],
    description: str,
    url: str | None,
    directory: Path,
    *,
    as_json: bool,
) -> None:
    """Send events to ADDRESS from now on; without one, to the built-in receiver.

    Leaves the secret in a file, and beside it programs that receive and verify.
    """
    client = client_of(directory, url)
    address = address or str(client.control("{ receiver { url } }")["receiver"]["url"])
    query = (
        "mutation ($input: WebhookInput!) { it: registerWebhook(input: $input)"
        f" {{ secret webhook {WEBHOOK} snippets {{ file run text }} }} }}"
    )
    given = {"url": address, "topics": list(topics), "description": description}
    made = client.control(query, input=given)["it"]
    kept = _keep(directory, made)
    for snippet in made["snippets"]:
        (directory / snippet["file"]).write_text(snippet["text"], encoding="utf-8")
    if as_json:
        click.echo(json.dumps(made["webhook"] | {"secretFile": str(kept)}, ensure_ascii=False))
        return
    click.echo(_webhook(made["webhook"]))
    click.echo(f"Its secret is in {kept}. Programs that receive and verify:")
    for snippet in made["snippets"]:
        click.echo(f"  cd {directory} && {snippet['run']}")


@webhooks.command(name="list")
@_asking
def list_(url: str | None, directory: Path, *, as_json: bool) -> None:
    """The tenant's webhooks, and which of them are paused and why."""
    _show(client_of(directory, url).control(f"{{ webhooks {WEBHOOK} }}")["webhooks"], _webhook, as_json)


@webhooks.command()
@click.argument("webhook")
@click.option("--overlap", default="24h", show_default=True, help="How long the secret before signs too.")
@_asking
def rotate(webhook: str, overlap: str, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Give WEBHOOK a new secret, in place of the former one in its file."""
    query = (
        "mutation ($id: ID!, $overlap: String) { it: rotateWebhookSecret(id: $id, overlap: $overlap)"
        f" {{ secret webhook {WEBHOOK} }} }}"
    )
    made = client_of(directory, url).control(query, id=webhook, overlap=overlap)["it"]
    kept = {"secretFile": str(_keep(directory, made))}
    _show([made["webhook"] | kept], lambda each: f"{_webhook(each)}\nIts secret is in {each['secretFile']}.", as_json)


@webhooks.command()
@click.argument("webhook")
@_asking
def enable(webhook: str, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Send to WEBHOOK again, what has waited first."""
    _change("enableWebhook", webhook, url, directory, as_json=as_json)


@webhooks.command()
@click.argument("webhook")
@_asking
def disable(webhook: str, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Let events pass WEBHOOK by."""
    _change("disableWebhook", webhook, url, directory, as_json=as_json)


@webhooks.command()
@click.argument("webhook")
@_asking
def remove(webhook: str, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Remove WEBHOOK with its log."""
    gone = client_of(directory, url).control("mutation ($id: ID!) { it: removeWebhook(id: $id) }", id=webhook)["it"]
    _show([{"removed": gone}], lambda each: f"{each['removed']} is removed.", as_json)


@webhooks.command()
@click.option("--webhook", help="Of this one alone.")
@click.option("--first", type=click.IntRange(1, 100), default=20, show_default=True, help="How many.")
@click.option("--heads", is_flag=True, help="With what went out and what came back.")
@_asking
def log(webhook: str | None, first: int, url: str | None, directory: Path, *, heads: bool, as_json: bool) -> None:
    """What became of each event, the newest first."""
    query = (
        f"query ($webhook: ID, $first: Int!) {{ deliveries(webhook: $webhook, first: $first) {_asked(heads=heads)} }}"
    )
    found = client_of(directory, url).control(query, webhook=webhook, first=first)["deliveries"]
    _show(found, lambda each: _delivery(each, heads=heads), as_json)


@webhooks.command()
@click.argument("delivery")
@_asking
def redeliver(delivery: str, url: str | None, directory: Path, *, as_json: bool) -> None:
    """Send DELIVERY again: the same id, the same bytes, a new timestamp."""
    query = f"mutation ($id: ID!) {{ it: redeliver(id: $id) {_asked(heads=False)} }}"
    sent = client_of(directory, url).control(query, id=delivery)["it"]
    _show([sent], _delivery, as_json)


@webhooks.command()
@click.option("--answer", type=MANNERS, help="How it answers from now on.")
@_asking
def receiver(answer: str | None, url: str | None, directory: Path, *, as_json: bool) -> None:
    """The built-in receiver: its address, how it answers, what came, the newest first."""
    client, shown = client_of(directory, url), "{ url manner received { at verdict again webhookId answered } }"
    if answer is None:
        found = client.control(f"{{ receiver {shown} }}")["receiver"]
    else:
        query = f"mutation ($manner: Manner!) {{ it: setReceiver(manner: $manner) {shown} }}"
        found = client.control(query, manner=answer.upper())["it"]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    click.echo(f"{found['url']} answers {found['manner']}")
    for each in found["received"]:
        again = " again" if each["again"] else ""
        click.echo(f"  {each['at']} {each['verdict']:<15} {each['webhookId']}{again} -> {each['answered'] or 'late'}")


def _change(mutation: str, webhook: str, url: str | None, directory: Path, *, as_json: bool) -> None:
    query = f"mutation ($id: ID!) {{ it: {mutation}(id: $id) {WEBHOOK} }}"
    _show([client_of(directory, url).control(query, id=webhook)["it"]], _webhook, as_json)


def _show(rows: list[dict[str, Any]], line: Callable[[dict[str, Any]], str], as_json: bool) -> None:  # noqa: FBT001 - the option
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for each in rows:
        click.echo(line(each))


def _webhook(each: dict[str, Any]) -> str:
    topics = ", ".join(each["topics"]) or "all events"
    why = f" ({each['pausedBecause']} {each['missed']} missed)" if each["pausedBecause"] else ""
    return f"{each['id']} {each['state']}{why} {each['url']}: {topics}"


def _asked(*, heads: bool) -> str:
    """Of a delivery. Heads and bodies are long: with those of each attempt, an answer may be too long."""
    attempt = f"at byHand milliseconds status problem {HEADS if heads else ''}"
    return f"{{ id eventId eventType fired state nextAttemptAt attempts {{ {attempt} }} }}"


def _delivery(each: dict[str, Any], *, heads: bool = False) -> str:
    last = each["attempts"][-1] if each["attempts"] else None
    outcome = f"{last['status'] or last['problem']} after {last['milliseconds']} ms" if last else "not tried yet"
    line = f"{each['state']:<9} {each['eventType']:<36} {outcome}, {len(each['attempts'])} attempts\n  {each['id']}"
    if not heads or last is None:
        return line
    told = f"{last['requestHead']}\n\n{last['responseHead']}\n\n{last['responseBody']}".replace("\r", "")
    return line + "\n    " + told.strip().replace("\n", "\n    ")


def _keep(directory: Path, made: dict[str, Any]) -> Path:
    """The secret in the webhook's own file: for its owner's eyes only, from the first byte on."""
    path = directory / secret_file(made["webhook"]["id"])
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(made["secret"] + "\n")
    return path
