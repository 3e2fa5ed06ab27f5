"""`prop registrar`: the depository's staff, added, certified and ended on its own machine (art. 5, 12, 13)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from service.access import SYSTEM, RegistrarRole
from service.bootstrap import Services
from service.certificate_requests import RequestInput
from service.certificates import CertificateProfile, CertificateState
from service.pagination import BY_ID, PageRequest
from service.pki.parsing import parse_request
from service.production import bytes_of, with_services
from service.registrar_service import RegistrarInput
from service.registrars import Registrar
from service.storage.certificates import CertificateFilter

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def registrar() -> None:
    """The depository's staff."""


def _certifying(command: Callable[..., None]) -> Callable[..., None]:
    """The two files of a certificate's making: its private key is in neither, and never comes here."""
    request = click.option("--request", type=FILE, help="A PKCS#10 request (PEM) made with the registrar's own key.")
    certificate = click.option("--certificate", type=NEW_FILE, help="Where the certificate (PEM) is written.")
    return request(certificate(command))


@registrar.command()
@click.argument("number")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in RegistrarRole]), required=True)
@_certifying
def add(number: str, name: str, role: str, request: Path | None, certificate: Path | None) -> None:
    """Add NAME to the staff under NUMBER, which certificates name it by; with a request, certify its key to log in."""
    with _opened(request, certificate) as pair:

        async def work(services: Services) -> None:
            added = (await services.registrars.add(SYSTEM, RegistrarInput(number, name, RegistrarRole(role)))).subject
            click.echo(f"Added {added.number}, {added.role}: {added.id}")
            if pair is not None:
                await _certify(services, added, *pair)

        with_services(work)


@registrar.command()
@click.argument("number")
@click.option(
    "--lost", is_flag=True, help="The last key, or its certificate, is lost: report so, and put this in its place."
)
@_certifying
def certify(number: str, request: Path | None, certificate: Path | None, *, lost: bool) -> None:
    """Certify a key of registrar NUMBER to log in with: the first, or one where the last is lost or has expired."""
    with _opened(request, certificate) as pair:
        if pair is None:
            raise click.UsageError("Give a --request, and where its --certificate is to be written.")

        async def work(services: Services) -> None:
            found = await _registrar(services, number)
            if lost:
                await _report_lost(services, found)
            await _certify(services, found, *pair)

        with_services(work)


@registrar.command()
@click.argument("number")
def end(number: str) -> None:
    """End registrar NUMBER, who leaves the staff: sessions and certificates end at once, and for good.

    The last officer stays. Where a key is in other hands, have its certificate revoked for keyCompromise before.
    """

    async def work(services: Services) -> None:
        done = await services.registrars.end(SYSTEM, (await _registrar(services, number)).id)
        when = f"{done.subject.ended_at:%Y-%m-%d %H:%M:%S} UTC"
        if done.record is None:
            click.echo(f"{number} has ended already, at {when}: nothing was left to do.")
        else:
            click.echo(f"Ended {number}, {done.subject.role}, at {when}: {done.record.id}")

    with_services(work)


async def _registrar(services: Services, number: str) -> Registrar:
    found = await services.registrars.find_by_number(SYSTEM, number)
    if found is None:
        raise click.ClickException(f"There is no registrar {number}.")
    return found


@contextmanager
def _opened(request: Path | None, certificate: Path | None) -> Iterator[tuple[str, TextIO] | None]:
    """The request's text and the file of its certificate, which goes again where nothing comes of it.

    Both are seen to before anything is done: whoever cannot be certified is not added either. Raises Refused for what
    is no good request.
    """
    if request is None and certificate is None:
        yield None
        return
    if request is None or certificate is None:
        raise click.UsageError("--request and --certificate belong together.")
    text = bytes_of(request).decode("ascii", "replace")
    with _new_file(certificate) as file:
        parse_request(text.encode())
        yield text, file


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    try:
        file = path.open("x", encoding="ascii")
    except FileExistsError:
        raise click.UsageError(f"{path} exists already: nothing is written over.") from None
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}.") from None
    try:
        with file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def _report_lost(services: Services, registrar: Registrar) -> None:
    issued = CertificateFilter(
        registrar_id=registrar.id, profile=CertificateProfile.LOGIN, state=CertificateState.ISSUED
    )
    for each in (await services.certificates.page(SYSTEM, issued, PageRequest(BY_ID, 100))).items:
        await services.certificates.report_lost(SYSTEM, each.id)


async def _certify(services: Services, registrar: Registrar, request: str, file: TextIO) -> None:
    asked = RequestInput(CertificateProfile.LOGIN, request, registrar_id=registrar.id)
    certificate = (await services.certificate_requests.request(SYSTEM, asked)).subject
    file.write(certificate.pem or "")
    file.flush()
    click.echo(f"Certified until {certificate.not_after:%Y-%m-%d}: SHA-256 {certificate.fingerprint}")
