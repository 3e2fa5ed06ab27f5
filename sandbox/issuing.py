"""Certificates of the sandbox's people, as production has them: asked for, approved by another, issued (art. 13)."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.tenants.openings import Staff
from service.access import SYSTEM
from service.bootstrap import Services, services_over
from service.certificate_requests import RequestInput
from service.certificates import Certificate, CertificateProfile, CertificateState, RevocationReason
from service.clock import Clock
from service.storage.certificates import CertificateStore


async def issue_certificate(services: Services, staff: Staff, given: RequestInput) -> Certificate:
    """For an operator by the staff, who ask and approve; for staff by the system, as the depository's machine does it.

    Raises CertificateError, Refused.
    """
    caller = staff.counter if given.operator_id is not None else SYSTEM
    certificate = (await services.certificate_requests.request(caller, given)).subject
    if certificate.state is CertificateState.REQUESTED:  # where the sandbox's settings ask for a second person
        certificate = (await services.certificate_requests.approve(staff.desk, certificate.id)).subject
    return certificate


async def end_certificates(
    services: Services,
    staff: Staff,
    profile: CertificateProfile,
    *,
    operator_id: str | None = None,
    registrar_id: str | None = None,
) -> int:
    """Revoke what a holder has, or has asked for, of a profile: another may follow it. Answers how many there were."""
    whose = {"operatorId": operator_id} if operator_id is not None else {"registrarId": registrar_id}
    standing = await CertificateStore(services.database).standing_of(whose)
    ended = [each for each in standing if each.profile is profile]
    for each in ended:
        await services.certificates.revoke(staff.desk, each.id, RevocationReason.CESSATION_OF_OPERATION)
    return len(ended)


class Behind:
    """A clock that is so far behind another."""

    def __init__(self, clock: Clock, by: timedelta) -> None:
        self._clock = clock
        self._by = by

    def now(self, tenant: str | None = None) -> datetime:
        return self._clock.now(tenant) - self._by


def services_earlier(services: Services, passed: timedelta, days: int) -> Services:
    """The same services at a time that has passed, whose certificates live so many days: what is issued there is now
    near its end. Records are of the real time: a former one would look like one that has waited for the log."""
    settings, clock = services.settings.model_copy(update={"certificate_days": days}), services.clock
    return services_over(services.database, settings, Behind(clock, passed), services.authority, records_clock=clock)


async def issue_near_its_end(
    services: Services, staff: Staff, old: Certificate, *, passed: timedelta, days: int
) -> Certificate:
    """In place of a certificate another one for the same request, whose `days` have `passed` but for a few.

    Raises Refused, CertificateError; LookupError for a certificate that was not asked for here.
    """
    if old.request is None or old.operator_id is None:
        raise LookupError("No request of this certificate is kept.")
    request = x509.load_der_x509_csr(old.request).public_bytes(Encoding.PEM).decode()
    await end_certificates(services, staff, old.profile, operator_id=old.operator_id)
    given = RequestInput(old.profile, request, operator_id=old.operator_id)
    return await issue_certificate(services_earlier(services, passed, days), staff, given)
