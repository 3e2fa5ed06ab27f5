"""`prop conformance`: reports of the sandbox's suite, verified without the sandbox and without a network (art. 17)."""

from pathlib import Path

import click
from joserfc.jwk import KeySet

from service.access import SYSTEM
from service.bootstrap import Services
from service.clock import SystemClock
from service.conformance import ensure_passing
from service.conformance_reports import verify_report
from service.evidence import receipts
from service.pki.errors import CertificateError
from service.pki.parsing import parse_certificate, parse_request
from service.production import bytes_of, read_production, with_services
from service.refusals import RefusalCode, refuse
from service.settings_reading import variable
from service.world import PRODUCTION

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def conformance() -> None:
    """Reports of conformance, which the sandbox signs."""


@conformance.command()
@click.argument("file", type=FILE)
@click.option("--jwks", type=FILE, help="The sandbox's public keys; those of the settings, if left out.")
@click.option("--participant", help="Whose it must be: a participant code or a credit code.")
@click.option("--offered", type=FILE, multiple=True, help="A request or certificate (PEM) with a key for production.")
@click.option("--record", is_flag=True, help="Keep the check: an opening may stand on it; its keys are banned here.")
def check(file: Path, jwks: Path | None, participant: str | None, offered: tuple[Path, ...], *, record: bool) -> None:
    """Verify the report in FILE, a JWS: signed by the sandbox, passed, not older than 90 days, of this institution.

    Says nothing of who really stands behind that code in the sandbox, which asks nobody for papers.
    """
    signed = bytes_of(file).decode("ascii", "replace")
    report = verify_report(signed, _pinned(jwks), PRODUCTION.neighbour.environment)
    keys = [_key_of(each) for each in offered]
    ensure_passing(report, SystemClock().now(), whose=participant, offered=keys)
    click.echo(f"Verified: {report.participant_code}, {report.legal_name}, {report.uscc}: {report.verdict.value}.")
    click.echo(f"{len(report.cases)} cases, run {report.run}, good until {report.valid_until:%Y-%m-%d}.")
    click.echo(f"{len(report.keys)} keys were used in the sandbox.")
    if record:

        async def work(services: Services) -> str:
            done = await services.conformance.check(SYSTEM, signed)
            kept = "Recorded" if done.record else "Recorded already"
            return f"{kept}: {done.subject.id}. Its keys are not certified here."

        click.echo(with_services(work))


def _pinned(file: Path | None) -> KeySet:
    """Raises Malformed for a file that holds no keys, Refused where none are named."""
    path = file or read_production().conformance_keys_file
    if path is None:
        click.echo(f"Name them by --jwks or {variable(PRODUCTION, 'conformance_keys_file')}.", err=True)
        raise refuse(RefusalCode.CONFORMANCE_NOT_PINNED)
    return receipts.parse_keys(bytes_of(path))


def _key_of(file: Path) -> str:
    """SHA-256 of the SubjectPublicKeyInfo in a request or a certificate. Raises CertificateError."""
    text = bytes_of(file)
    try:
        return parse_request(text).key.spki_sha256
    except CertificateError:
        return parse_certificate(text).key.spki_sha256
