"""Registering a certificate that an outside authority issued (art. 13, 14): ours to use, not ours to make or renew."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from service.access import Caller
from service.acts import Act, Acts, Done
from service.attempts import Attempts
from service.authority import OutsideAuthorities
from service.certificate_changes import ensure_extended
from service.certificate_holders import (
    CertificateHolder,
    CertificateHolders,
    hands_on,
)
from service.certificate_issuing import CertificateIssuing, described, pem_of
from service.certificate_keys import BlockReason
from service.certificates import (
    Certificate,
    CertificateProfile,
    CertificateSource,
    CertificateState,
)
from service.electronic_keys import ensure_in_hand
from service.identifiers import Kind
from service.pki.chain import ChainStatus, ChainVerdict
from service.pki.errors import CertificateError
from service.pki.keys import ensure_key_allowed
from service.pki.parsing import CertificateFacts, parse_certificate
from service.pki.private_keys import ensure_no_private_key
from service.pki.profiles import OperatorHolder, ensure_held_by
from service.policy import Action
from service.refusals import RefusalCode, refuse
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.certificates import CERTIFICATE_CODEC, CertificateStore
from service.storage.electronic_keys import ElectronicKeyStore
from service.world import World

_MOST_ABOVE = 4  # authorities' certificates given with one
_MOST_UNVERIFIED = 10  # of one holder that have not ended


@dataclass(frozen=True, slots=True)
class RegistrationInput:
    """A certificate in PEM with, if needed, those of the authorities between it and its root."""

    profile: CertificateProfile
    operator_id: str
    certificate: str
    chain: str = ""
    supersedes_id: str | None = None
    electronic_key_id: str | None = None

    def __repr__(self) -> str:
        return f"RegistrationInput({self.profile}, {self.operator_id})"  # what was pasted may be a private key


class CertificateRegistration:
    def __init__(
        self,
        world: World,
        acts: Acts,
        issuing: CertificateIssuing,
        outside: OutsideAuthorities,
        *,
        certificates: CertificateStore,
        keys: CertificateKeyStore,
        holders: CertificateHolders,
        electronic_keys: ElectronicKeyStore,
        attempts: Attempts,
        known_weak: frozenset[str] = frozenset(),
    ) -> None:
        self._world = world
        self._acts = acts
        self._issuing = issuing
        self._outside = outside
        self._certificates = certificates
        self._keys = keys
        self._holders = holders
        self._electronic_keys = electronic_keys
        self._attempts = attempts
        self._known_weak = known_weak

    async def register(self, caller: Caller, given: RegistrationInput, *, key: str | None = None) -> Done[Certificate]:
        """Let an outside authority's certificate be used here.

        1. It is one certificate, and no private key.
        2. It is not of the other world (art. 17): the attempt is recorded, and where an authority that is known here
           has signed it, its key is never certified here. Nobody else's word blocks a key.
        3. It names this operator, by our URN or by participant and operator number in its subject.
        4. It leads to a root that is trusted here, for the profile's uses, and is in date.
        5. Its key is good, and nobody else's; its serial number is not known yet; its electronic key is in hand.
        6. It takes the holder's seat; one that it supersedes must end before it does.

        One in SM2 is kept and shown with its facts, and never usable. Since whoever likes may write such a thing, it
        claims neither key nor serial number nor seat, may not have the name of the authority here, and is one of few.
        """
        await self._acts.permit(caller, Action.REGISTER_CERTIFICATE)
        facts, above = self._parse(given)  # 1
        await self._ensure_our_world(caller, facts, above)  # 2

        async def work(act: Act) -> Done[Certificate]:
            holder = await self._holders.get_certifiable(act, given.operator_id, None)
            self._ensure_named(facts, holder)  # 3
            verdict = self._judge(act, facts, given.profile, above)  # 4
            certificate = self._registered(act, facts, holder, given, verdict)
            await self._ensure_free(act, facts, certificate)  # 5
            certificate = await self._seated(act, certificate)  # 6
            await self._certificates.insert(act.session, certificate)
            content = {**described(certificate), "chain": verdict.status}
            record = await act.record("certificate.registered", certificate.id, certificate.participant_id, content)
            return Done(certificate, record)

        asked: Mapping[str, object] = {
            "profile": given.profile.value,
            "operator": given.operator_id,
            "certificate": facts.fingerprint,
            "chain": hashlib.sha256(given.chain.encode(errors="replace")).hexdigest(),
            "supersedes": given.supersedes_id,
            "electronicKey": given.electronic_key_id,
        }
        return await self._acts.perform(
            caller, Action.REGISTER_CERTIFICATE, CERTIFICATE_CODEC, work, given=asked, key=key
        )

    def _parse(self, given: RegistrationInput) -> tuple[CertificateFacts, list[x509.Certificate]]:
        try:
            ensure_no_private_key(given.chain.encode(errors="replace"))
        except CertificateError as error:
            raise error.at("chain") from None
        try:
            facts = parse_certificate(given.certificate.encode(errors="replace"))
        except CertificateError as error:
            raise error.at("certificate") from None
        return facts, _parse_chain(given.chain)

    async def _ensure_our_world(
        self, caller: Caller, facts: CertificateFacts, above: Sequence[x509.Certificate]
    ) -> None:
        there = self._world.neighbour
        urn = f"URI:urn:prop:{there.environment.value.lower()}:"
        if there.policy_oid not in facts.policies and not any(n.startswith(urn) for n in facts.alternative_names):
            return

        async def block(act: Act) -> None:
            if await self._keys.find(facts.key.spki_sha256, act.session) is None:
                reason = BlockReason.OF_THE_OTHER_WORLD
                await self._keys.block(act.session, facts.key.spki_sha256, reason, act.at)

        await self._attempts.crossed(caller, "certificate", fingerprint=facts.fingerprint)
        if self._outside.attest(facts, above):
            await self._acts.follow(caller, block)
        raise CertificateError(RefusalCode.CERTIFICATE_FOREIGN_WORLD, "certificate")

    def _ensure_named(self, facts: CertificateFacts, holder: CertificateHolder) -> None:
        try:
            if any(name.startswith("URI:urn:prop:") for name in facts.alternative_names):
                ensure_held_by(self._world, facts, holder.named())
            else:
                _ensure_subject(facts, holder)
        except CertificateError as error:
            raise error.at("certificate") from None

    def _judge(
        self, act: Act, facts: CertificateFacts, profile: CertificateProfile, above: list[x509.Certificate]
    ) -> ChainVerdict:
        if act.at > facts.not_after:  # told first, whatever the algorithm
            ended = facts.not_after.isoformat()
            raise CertificateError(RefusalCode.CERTIFICATE_EXPIRED, "certificate", not_after=ended)
        verdict = self._outside.judge(facts, profile, above, act.at)
        if verdict is None:
            raise CertificateError(RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED, "certificate")
        if verdict.error is not None and verdict.status is not ChainStatus.UNSUPPORTED_ALGORITHM:
            raise verdict.error.at("certificate")
        if verdict.status is not ChainStatus.VERIFIED and self._issuing.is_own(facts.issuer):
            raise CertificateError(RefusalCode.CERTIFICATE_ISSUER_UNKNOWN, "certificate", issuer=facts.issuer)
        return verdict

    async def _ensure_free(self, act: Act, facts: CertificateFacts, coming: Certificate) -> None:
        """Raises Refused for a key, a serial number or an electronic key that is not this certificate's to have."""
        if coming.electronic_key_id is not None:
            ensure_in_hand(await self._electronic_keys.find(coming.electronic_key_id, act.session), coming.holder_id)
        known = await self._certificates.find_by_fingerprint(facts.fingerprint, act.session)
        if coming.proven:
            try:
                ensure_key_allowed(facts.key, known_weak=self._known_weak)
            except CertificateError as error:
                raise error.at("certificate") from None
            await self._keys.claim(act.session, facts.key.spki_sha256, coming.holder_id, coming.profile, act.at)
            known = known or await self._certificates.find_by_serial(facts.issuer, facts.serial, act.session)
        else:
            await self._ensure_few_unverified(act, coming.holder_id)
        if known is not None:
            raise refuse(RefusalCode.CERTIFICATE_KNOWN, "certificate", serial=facts.serial)

    async def _ensure_few_unverified(self, act: Act, operator_id: str) -> None:
        """Anybody writes as many of them as they like, and all end with their holder in one transaction."""
        standing = await self._certificates.standing_of({"operatorId": operator_id}, act.session)
        if sum(not each.proven for each in standing) >= _MOST_UNVERIFIED:
            raise refuse(RefusalCode.CERTIFICATE_UNVERIFIED_TOO_MANY, "certificate", most=_MOST_UNVERIFIED)

    async def _seated(self, act: Act, coming: Certificate) -> Certificate:
        if coming.supersedes_id is not None:
            old = await self._certificates.find(coming.supersedes_id, act.session)
            if old is None or (old.holder_id, old.profile) != (coming.holder_id, coming.profile):
                raise refuse(RefusalCode.CERTIFICATE_NOT_FOUND, "supersedesId")
            ensure_extended(old, coming.not_after)
            coming = replace(coming, certified_by=tuple(sorted({*coming.certified_by, *old.certified_by})))
        if coming.seat is not None:
            await self._issuing.make_room(act, coming)
        return coming

    def _registered(
        self,
        act: Act,
        facts: CertificateFacts,
        holder: CertificateHolder,
        given: RegistrationInput,
        verdict: ChainVerdict,
    ) -> Certificate:
        plain = Certificate(
            id=act.new_id(Kind.CERTIFICATE),
            version=1,
            profile=given.profile,
            state=CertificateState.ISSUED,
            source=CertificateSource.OUTSIDE,
            chain_verified=verdict.status,
            serial_number=facts.serial,
            fingerprint=facts.fingerprint,
            subject=facts.subject,
            issuer=facts.issuer,
            not_before=facts.not_before,
            not_after=facts.not_after,
            key_algorithm=facts.key.name,
            spki_sha256=facts.key.spki_sha256,
            pem=pem_of(facts),
            chain_pem=_plain_chain(given.chain),
            participant_id=holder.participant_id,
            operator_id=holder.id,
            registered_at=act.at,
        )
        return replace(
            plain,
            requested_by=act.caller.id,
            certified_by=hands_on(None, act.caller, holder),
            electronic_key_id=given.electronic_key_id,
            supersedes_id=given.supersedes_id,
        )


def _ensure_subject(facts: CertificateFacts, holder: CertificateHolder) -> None:
    """Raises CertificateError unless the subject has the participant's code (or credit code) and operator's number."""
    named = holder.named()
    assert isinstance(named, OperatorHolder)  # noqa: S101 - registrars have our own certificates only
    subject = facts.certificate.subject
    institutions = {
        str(each.value)
        for oid in (NameOID.ORGANIZATION_IDENTIFIER, NameOID.ORGANIZATIONAL_UNIT_NAME)
        for each in subject.get_attributes_for_oid(oid)
    }
    numbers = {str(each.value) for each in subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)}
    ours = {named.participant_code, holder.participant.uscc if holder.participant else ""}
    if not institutions & ours or named.operator_number not in numbers:
        raise CertificateError(RefusalCode.CERTIFICATE_OF_ANOTHER_HOLDER, found=facts.subject[:200], wanted=str(named))


def _parse_chain(pem: str) -> list[x509.Certificate]:
    """The authorities' certificates in a PEM text, each of them read whole. Raises CertificateError."""
    blocks = [each + _END for each in pem.split(_END) if each.strip()]
    if len(blocks) > _MOST_ABOVE:
        raise CertificateError(RefusalCode.CERTIFICATE_CHAIN_INVALID, "chain", detail="too many certificates")
    try:
        return [parse_certificate(each.encode(errors="replace")).certificate for each in blocks]
    except CertificateError as error:
        raise error.at("chain") from None


def _plain_chain(pem: str) -> str:
    """The certificates of a chain, and nothing of what else stands in its text."""
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in _parse_chain(pem))


_END = "-----END CERTIFICATE-----"
