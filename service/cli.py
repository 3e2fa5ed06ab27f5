"""`prop`: production from the command line. Settings come from the environment; see `prop config check --reference`."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click
from pydantic import SecretBytes, SecretStr

from service.access import SYSTEM
from service.bootstrap import Services, names_in
from service.ceremony import hold_ceremony
from service.clock import SystemClock
from service.conformance_commands import conformance
from service.evidence import receipts
from service.evidence.checkpoint import parse_verifier
from service.evidence.verify import verify_record
from service.production import bytes_of, read_production, with_services
from service.reference import reference
from service.registrar_commands import registrar
from service.sentences import SpeakingGroup
from service.server import run
from service.settings import signing_keys
from service.settings_reading import variable
from service.storage.init import init_database
from service.world import PRODUCTION

T = TypeVar("T")

# Named, not imported: the GraphQL face stands on the service, and the service may not import it (import contracts).
APPLICATION = "schema.production:application"
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(cls=SpeakingGroup)
@click.version_option(package_name="prop-service", prog_name="prop")
def main() -> None:
    """PROP: the agreement, its participants, their operators and certificates, over GraphQL."""


@main.command()
def serve() -> None:
    """Serve until SIGTERM; what is in flight is finished first."""
    sys.exit(run(read_production(), PRODUCTION, APPLICATION))


@main.group()
def config() -> None:
    """The settings."""


@config.command()
@click.option("--reference", "table", is_flag=True, help="Print all variables as a Markdown table, and check nothing.")
def check(*, table: bool) -> None:
    """Say all that is wrong with the settings, or what they are. Secrets are not shown, nor tried."""
    if table:
        click.echo(reference(PRODUCTION), nl=False)
        return
    settings = read_production()
    for field in type(settings).model_fields:
        value = getattr(settings, field)
        shown = "(set)" if isinstance(value, SecretStr | SecretBytes) else "(none)" if value in (None, ()) else value
        click.echo(f"{variable(PRODUCTION, field)}={shown}")
    click.echo("The settings are complete and do not contradict each other.", err=True)


@main.group()
def database() -> None:
    """The databases of this world."""


@database.command()
def init() -> None:
    """Make collections, validators and indexes what this release declares. Safe to repeat; run it at each release."""
    settings = read_production()
    uri = settings.mongo_uri.get_secret_value()
    changes = asyncio.run(
        init_database(uri, PRODUCTION, names=names_in(settings), server_selection_ms=settings.server_selection_ms)
    )
    for change in changes:
        click.echo(change)
    if not changes:
        click.echo("Nothing to do.")


@main.group()
def agreement() -> None:
    """The versions of the agreement."""


@agreement.command("import")
@click.argument("file", type=FILE)
@click.option(
    "--number", type=click.IntRange(1, 9999), required=True, help="The number of this version: the first is 1."
)
@click.option("--effective", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day from which it holds.")
@click.option("--english", type=FILE, help="A translation with the same chapters, articles and clauses.")
def import_(file: Path, number: int, effective: datetime, english: Path | None) -> None:
    """Store FILE, UTF-8 text as a PDF extractor leaves it, as the draft of a version. Nobody outside sees a draft."""
    data, translation = bytes_of(file), bytes_of(english) if english else None

    async def work(services: Services) -> str:
        draft = await services.agreements.import_draft(
            SYSTEM, data, number=number, effective_from=effective.date(), english=translation
        )
        articles = sum(len(chapter.articles) for chapter in draft.text.chapters)
        return f"Draft {number}: {draft.title}, {len(draft.text.chapters)} chapters, {articles} articles."

    click.echo(with_services(work))


@agreement.command()
@click.argument("number", type=click.IntRange(1, 9999))
def publish(number: int) -> None:
    """Publish draft NUMBER: it can never be changed again, and supersedes the version before."""

    async def work(services: Services) -> str:
        published = (await services.publications.publish(SYSTEM, number)).subject
        return f"Published {number}: in force from {published.effective_from}, SHA-256 {published.content_hash}."

    click.echo(with_services(work))


@main.group()
def authority() -> None:
    """The authority that issues this world's certificates."""


@authority.command("init")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--url", required=True, help="Where /pki will be served: it is written into the certificates.")
@click.option("--root-passphrase-file", type=FILE, required=True, help="Holds the passphrase of the root's key.")
@click.option("--issuing-passphrase-file", type=FILE, required=True, help="Holds that of the issuing key.")
def init_authority(directory: Path, url: str, root_passphrase_file: Path, issuing_passphrase_file: Path) -> None:
    """Make a root and an issuing authority in DIRECTORY, which must be empty. Hold this on a machine without network.

    Nothing is ever written over. The root's key then goes into a safe, and is never given to the service.
    """
    minutes = hold_ceremony(
        PRODUCTION,
        directory,
        root_passphrase=root_passphrase_file.read_bytes().strip(),
        issuing_passphrase=issuing_passphrase_file.read_bytes().strip(),
        base_url=url.rstrip("/"),
        at=SystemClock().now(),
    )
    click.echo(f"root     SHA-256 {minutes.root_fingerprint}, until {minutes.root_not_after:%Y-%m-%d}")
    click.echo(f"issuing  SHA-256 {minutes.issuing_fingerprint}, until {minutes.issuing_not_after:%Y-%m-%d}")
    pin = variable(PRODUCTION, "root_fingerprints")
    click.echo(f"Write both into the minutes; set {pin} from the minutes, not from the file.", err=True)


@main.group()
def evidence() -> None:
    """Records and the proof of them."""


@evidence.command()
@click.argument("file", type=FILE)
@click.option("--jwks", type=FILE, help="The keys of receipts, as /log/jwks.json has them.")
@click.option("--key", type=FILE, help="The key of the log, as /log/key has it.")
def verify(file: Path, jwks: Path | None, key: Path | None) -> None:
    """Verify a record offline: FILE is JSON with its content, hash, receipt and proof.

    A key that is not given is taken from the settings. Whoever verifies for a dispute takes neither from the service,
    but from where they were published.
    """
    receipt_keys = receipts.parse_keys(bytes_of(jwks)) if jwks else signing_keys(read_production()).receipt_keys()
    ours = None if key else signing_keys(read_production()).log_verifier(PRODUCTION.log_origin)
    log = parse_verifier(bytes_of(key).decode(errors="replace") if key else str(ours))
    found = verify_record(bytes_of(file), world=PRODUCTION, keys=receipt_keys, log=log)
    said, head = found.record, found.checkpoint
    actor = said["actor"]["id"] or said["actor"]["kind"]
    click.echo(f"Verified: {said['kind']} by {actor} at {said['at']}, {said['environment']}, {said['id']}.")
    click.echo(f"Entry {found.index} of a log of {head.size}; SHA-256 {found.hash}.")


main.add_command(conformance)
main.add_command(registrar)
