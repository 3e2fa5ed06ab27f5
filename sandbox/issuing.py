"""A certificate for an operator of the sandbox at once: automatic approval, the world's own authority (art. 13, 17)."""

from cryptography.hazmat.primitives.serialization import Encoding

from service.access import SYSTEM
from service.bootstrap import Services
from service.certificates import Certificate, CertificateProfile, CertificateState
from service.errors import Unavailable
from service.identifiers import Kind, new_id
from service.operators import Operator
from service.participants import Participant
from service.pki.authority import Order
from service.pki.parsing import parse_request, read_certificate
from service.pki.profiles import OperatorHolder
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.certificates import CertificateStore
from service.storage.database import Session


async def issue_certificate(
    services: Services, participant: Participant, operator: Operator, profile: CertificateProfile, request: str
) -> Certificate:
    """For the key of a PKCS#10 request, of which nothing but the key is read. Raises CertificateError, Refused."""
    if services.authority is None:
        raise Unavailable("This sandbox has no authority to issue certificates with.")
    authority, at = services.authority, services.clock.now(participant.id)
    facts = parse_request(request.encode())
    holder = OperatorHolder(participant.participant_code, operator.operator_number)
    intent = authority.prepare(Order(profile, holder, participant.legal_name, facts.key), at)
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
        key_algorithm=facts.key.name,
        spki_sha256=facts.key.spki_sha256,
        pem=signed.certificate.public_bytes(Encoding.PEM).decode(),
        chain_pem=authority.chain_pem,
        participant_id=participant.id,
        operator_id=operator.id,
        registered_at=at,
        issued_at=at,
    )

    async def work(session: Session) -> None:
        keys = CertificateKeyStore(services.database)
        await keys.claim(session, certificate.spki_sha256, operator.id, profile, at)
        await CertificateStore(services.database).insert(session, certificate)
        content = {"profile": profile.value, "fingerprint": issued.fingerprint, "serial": issued.serial}
        await services.records.write(SYSTEM, session, "certificate.issued", certificate.id, participant.id, content)

    await services.database.transaction(work)
    return certificate
