"""The mutations of certificates (数字证书, art. 13, 14)."""

from datetime import datetime

import strawberry

from schema.bounds import at_most
from schema.certificates import Certificate
from schema.context import Context
from schema.mutations import EXPECTED_VERSION, mutation
from service.access import CallerKind
from service.acts import Done
from service.certificate_registration import RegistrationInput
from service.certificate_requests import RequestInput
from service.certificates import Certificate as CertificateRecord
from service.certificates import CertificateProfile, RevocationReason
from service.pki.parsing import MAX_CERTIFICATE_BYTES
from service.policy import Action

REQUEST = "A PKCS#10 request in PEM, signed with the key that it asks to certify. Its names are not read."
PEM = at_most(MAX_CERTIFICATE_BYTES)


@strawberry.input
class RequestCertificateInput:
    profile: CertificateProfile
    request: str = strawberry.field(description=REQUEST, metadata=PEM)
    operator_id: strawberry.ID | None = strawberry.field(default=None, description="Left out: the caller itself.")
    registrar_id: strawberry.ID | None = None
    electronic_key_id: strawberry.ID | None = None


@strawberry.input
class ApproveCertificateInput:
    certificate_id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class RegisterCertificateInput:
    profile: CertificateProfile
    operator_id: strawberry.ID
    certificate: str = strawberry.field(description="In PEM, exactly one. Never with its private key.", metadata=PEM)
    chain: str = strawberry.field(
        default="", description="The authorities between it and its root, in PEM.", metadata=PEM
    )
    supersedes_id: strawberry.ID | None = strawberry.field(
        default=None, description="The certificate that it succeeds, which must end before it."
    )
    electronic_key_id: strawberry.ID | None = None


@strawberry.input
class RenewCertificateInput:
    certificate_id: strawberry.ID
    request: str = strawberry.field(description=REQUEST, metadata=PEM)
    same_key: bool = strawberry.field(default=False, description="Keep the key. A renewal otherwise takes a new one.")
    electronic_key_id: strawberry.ID | None = None
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class HoldCertificateInput:
    certificate_id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class ReleaseCertificateInput:
    certificate_id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class RevokeCertificateInput:
    certificate_id: strawberry.ID
    reason: RevocationReason | None = strawberry.field(default=None, description="Refused without one.")
    invalidity_date: datetime | None = strawberry.field(
        default=None, description="With KEY_COMPROMISE: since when the key is not to be trusted."
    )
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class ReportKeyLostInput:
    certificate_id: strawberry.ID


@strawberry.type
class CertificateMutation:
    @mutation(Certificate, Action.REQUEST_CERTIFICATE)
    async def request_certificate(
        self, context: Context, given: RequestCertificateInput, key: str | None
    ) -> Done[CertificateRecord]:
        """Ask for a certificate (申请证书), for oneself or whom one is there for. It may wait for approval."""
        caller = context.caller
        own = caller.id if caller.kind is CallerKind.OPERATOR and given.registrar_id is None else None
        asked = RequestInput(
            given.profile, given.request, given.operator_id or own, given.registrar_id, given.electronic_key_id
        )
        return await context.services.certificate_requests.request(caller, asked, key=key)

    @mutation(Certificate, Action.APPROVE_CERTIFICATE)
    async def approve_certificate(
        self, context: Context, given: ApproveCertificateInput, key: str | None
    ) -> Done[CertificateRecord]:
        """Let a request become a certificate (复核制证): neither who asked nor who will hold it may."""
        return await context.services.certificate_requests.approve(
            context.caller, given.certificate_id, expected_version=given.expected_version, key=key
        )

    @mutation(Certificate, Action.REGISTER_CERTIFICATE)
    async def register_certificate(
        self, context: Context, given: RegisterCertificateInput, key: str | None
    ) -> Done[CertificateRecord]:
        """Register a certificate that an outside authority issued (登记外部证书)."""
        asked = RegistrationInput(
            given.profile,
            given.operator_id,
            given.certificate,
            given.chain,
            given.supersedes_id,
            given.electronic_key_id,
        )
        return await context.services.certificate_registration.register(context.caller, asked, key=key)

    @mutation(Certificate, Action.RENEW_CERTIFICATE)
    async def renew_certificate(
        self, context: Context, given: RenewCertificateInput, key: str | None
    ) -> Done[CertificateRecord]:
        """Renew within the window (换发): the old one serves until the first use of the new, or the overlap's end.

        One's own renewal waits for nobody: the certificate one has logged in with vouches.
        """
        return await context.services.certificate_requests.renew(
            context.caller,
            given.certificate_id,
            given.request,
            same_key=given.same_key,
            electronic_key_id=given.electronic_key_id,
            expected_version=given.expected_version,
            key=key,
        )

    @mutation(Certificate, Action.HOLD_CERTIFICATE)
    async def hold_certificate(
        self, context: Context, given: HoldCertificateInput, key: str | None
    ) -> Done[CertificateRecord]:
        """Hold a certificate (冻结): not usable until it is released."""
        return await context.services.certificates.hold(
            context.caller, given.certificate_id, expected_version=given.expected_version, key=key
        )

    @mutation(Certificate, Action.RELEASE_CERTIFICATE)
    async def release_certificate(
        self, context: Context, given: ReleaseCertificateInput, key: str | None
    ) -> Done[CertificateRecord]:
        """Release a held certificate (解冻). What the depository holds, it alone releases."""
        return await context.services.certificates.release(
            context.caller, given.certificate_id, expected_version=given.expected_version, key=key
        )

    @mutation(Certificate, Action.REVOKE_CERTIFICATE)
    async def revoke_certificate(
        self, context: Context, given: RevokeCertificateInput, key: str | None
    ) -> Done[CertificateRecord]:
        """Revoke a certificate for good (吊销).

        KEY_COMPROMISE blocks the key, ends every certificate of it and its holder's sessions; `actedSince` then lists
        what is in doubt.
        """
        return await context.services.certificates.revoke(
            context.caller,
            given.certificate_id,
            given.reason,
            invalidity_date=given.invalidity_date,
            expected_version=given.expected_version,
            key=key,
        )

    @mutation(Certificate, Action.REPORT_KEY_LOST)
    async def report_key_lost(
        self, context: Context, given: ReportKeyLostInput, key: str | None
    ) -> Done[CertificateRecord]:
        """Report that a key is lost (挂失): everything on it is held at once, and nobody has to approve (art. 13)."""
        return await context.services.certificates.report_lost(context.caller, given.certificate_id, key=key)
