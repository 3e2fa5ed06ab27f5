"""A certificate for an operator of the sandbox at once: automatic approval, the world's own authority (art. 13, 17)."""

from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.serialization import Encoding

from service.access import SYSTEM
from service.bootstrap import Services
from service.certificates import Certificate, CertificateProfile, CertificateState, RevocationReason, revoked
from service.errors import Unavailable
from service.identifiers import Kind, new_id
from service.operators import Operator
from service.participants import Participant
from service.pki.authority import Order
from service.pki.keys import KeyFacts
from service.pki.parsing import parse_request, read_certificate
from service.pki.profiles import MAX_DAYS, OperatorHolder
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.certificates import CertificateStore
from service.storage.database import Session

NO_TIME = timedelta(0)


async def issue_certificate(
    services: Services, participant: Participant, operator: Operator, profile: CertificateProfile, request: str
) -> Certificate:
    """For the key of a PKCS#10 request, of which nothing but the key is read. Raises CertificateError, Refused."""
    return await issue_for_key(services, participant, operator, profile, parse_request(request.encode()).key)


async def issue_for_key(
    services: Services,
    participant: Participant,
    operator: Operator,
    profile: CertificateProfile,
    key: KeyFacts,
    *,
    days: int = MAX_DAYS,
    passed: timedelta = NO_TIME,
    in_place_of: Certificate | None = None,
) -> Certificate:
    """For a key that its holder has proven before. Of its `days` as much is over as has `passed`.

    The one `in_place_of` which it comes is revoked as superseded. Raises CertificateError, Refused.
    """
    if services.authority is None:
        raise Unavailable("This sandbox has no authority to issue certificates with.")
    authority, at = services.authority, services.clock.now(participant.id)
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # what the database keeps of a time
    holder = OperatorHolder(participant.participant_code, operator.operator_number)
    intent = authority.prepare(Order(profile, holder, participant.legal_name, key, days), at - passed)
    signed = await authority.sign(intent)
    issued = read_certificate(signed.certificate)
    certificate = Certificate(
        id=new_id(services.world, Kind.CERTIFICATE, at),
        version=1,
        profile=profile,
        state=CertificateState.ISSUED,
        serial_number=issued.serial,
        fingerprint=issued.fingerprint,
        subject=issued.subject,
        issuer=issued.issuer,
        not_before=issued.not_before,
        not_after=issued.not_after,
        key_algorithm=key.name,
        spki_sha256=key.spki_sha256,
        pem=signed.certificate.public_bytes(Encoding.PEM).decode(),
        chain_pem=authority.chain_pem,
        participant_id=participant.id,
        operator_id=operator.id,
        registered_at=at,
        issued_at=at,
    )

    caller = replace(SYSTEM, participant_id=participant.id)

    async def work(session: Session) -> None:
        keys, certificates = CertificateKeyStore(services.database), CertificateStore(services.database)
        if in_place_of is not None:
            ended = await certificates.replace(session, revoked(in_place_of, RevocationReason.SUPERSEDED, at))
            said = {"reason": RevocationReason.SUPERSEDED.value}
            await services.records.write(caller, session, "certificate.revoked", ended.id, participant.id, said)
        await keys.claim(session, certificate.spki_sha256, operator.id, profile, at)
        await certificates.insert(session, certificate)
        content = {
            "profile": profile.value,
            "fingerprint": issued.fingerprint,
            "serial": issued.serial,
            "key": key.spki_sha256,
        }
        await services.records.write(caller, session, "certificate.issued", certificate.id, participant.id, content)

    await services.database.transaction(work)
    return certificate
