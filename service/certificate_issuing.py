"""Issuing a certificate so that a crash loses none: the intent is kept before it is signed, the certificate after.

What was signed and not kept is signed again from the kept intent: the same certificate, but for its signature.
"""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from cryptography.hazmat.primitives.serialization import Encoding

from service.access import SYSTEM, Caller
from service.acts import Act, Acts
from service.authority import Authority
from service.certificate_changes import (
    CertificateCommand,
    ensure_extended,
    next_state,
    succeeded,
    superseded,
)
from service.certificate_holders import CertificateHolders, ensure_active, ensure_not_examined, hands_on
from service.certificates import (
    Certificate,
    CertificateState,
    CertificateValidity,
    SigningIntent,
    validity_at,
)
from service.pki.authority import Intent, Order
from service.pki.parsing import CertificateFacts, parse_request
from service.pki.signers import SigningKeyUnusable
from service.refusals import RefusalCode, Refused, refuse
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.certificates import CertificateStore
from service.world import World

Approval = Literal["second_person", "automatic"]
_BATCH = 100

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CertificateTerms:
    """What a deployment sets of its certificates."""

    days: int
    overlap: timedelta
    approval: Approval
    known_weak: frozenset[str] = frozenset()


class Outcome(StrEnum):
    FINISHED = "FINISHED"
    ABANDONED = "ABANDONED"  # to be approved again
    WAITING = "WAITING"  # the authority does not sign at the moment


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An intent that was found without its certificate, and what became of it."""

    certificate_id: str
    outcome: Outcome


class CertificateIssuing:
    def __init__(
        self,
        world: World,
        acts: Acts,
        authority: Authority | None,
        *,
        certificates: CertificateStore,
        keys: CertificateKeyStore,
        holders: CertificateHolders,
        terms: CertificateTerms,
    ) -> None:
        self._world = world
        self._acts = acts
        self._authority = authority
        self._certificates = certificates
        self._keys = keys
        self._holders = holders
        self._terms = terms

    @property
    def authority(self) -> Authority:
        """Raises Refused(CERTIFICATE_AUTHORITY_MISSING)."""
        if self._authority is None:
            raise refuse(RefusalCode.CERTIFICATE_AUTHORITY_MISSING)
        return self._authority

    def is_own(self, issuer: str) -> bool:
        """Whether this is the name of the authority here."""
        return self._authority is not None and self._authority.issuer == issuer

    async def prepare(self, act: Act, requested: Certificate) -> Certificate:
        """The request, approved: what will be signed is part of it now, and of a record. Raises Refused."""
        holder = await self._holders.of(requested, act.session)
        if holder is None or requested.request is None:
            raise refuse(RefusalCode.CERTIFICATE_NOT_FOUND, "certificateId")
        seated = await self._certificates.find_seated(requested.holder_id, requested.profile, act.session)
        ensure_not_examined(act.caller, seated)
        key = parse_request(requested.request).key
        named, legal_name = holder.named(), holder.legal_name(self._world)
        intent = self.authority.prepare(Order(requested.profile, named, legal_name, key, self._terms.days), act.at)
        if requested.supersedes_id is not None:
            old = await self._certificates.find(requested.supersedes_id, act.session)
            if old is not None:
                ensure_extended(old, intent.not_after)
        kept = SigningIntent(intent.serial, intent.not_before, intent.not_after, intent.tbs_sha256, intent.tbs, act.at)
        approved = replace(
            requested, intent=kept, approved_by=act.caller.id, certified_by=hands_on(requested, act.caller, holder)
        )
        return await self._certificates.replace(act.session, approved)

    async def finish(self, caller: Caller, certificate_id: str) -> Certificate:
        """Sign what was intended, and keep the certificate. What is finished already is answered as it is.

        Raises Refused where the certificate may not come into being any more; the request then waits for approval
        again. Raises SigningKeyUnusable while the authority does not sign.
        """
        certificate = await self._certificates.find(certificate_id)
        if certificate is None:
            raise refuse(RefusalCode.CERTIFICATE_NOT_FOUND, "certificateId")
        if certificate.intent is None or certificate.state is not CertificateState.REQUESTED:
            return certificate
        try:
            facts = await self._sign(caller, certificate, certificate.intent)
            return await self._acts.follow(caller, functools.partial(self._keep, certificate_id, facts))
        except Refused as refused:
            codes = [each.code.value for each in refused.refusals]
            await self._acts.follow(caller, functools.partial(self._abandon, certificate_id, codes))
            raise

    async def _sign(self, caller: Caller, certificate: Certificate, kept: SigningIntent) -> CertificateFacts:
        """The certificate, verified as a stranger's would be."""
        authority = self.authority
        intent = Intent(kept.serial_number, kept.not_before, kept.not_after, kept.tbs)
        facts = await authority.sign(intent)
        authority.verify(facts, certificate.profile, max(kept.not_before, self._acts.now(caller)))
        return facts

    async def _keep(self, certificate_id: str, facts: CertificateFacts, act: Act) -> Certificate:
        certificate = await self._certificates.find(certificate_id, act.session)
        if certificate is None:
            raise refuse(RefusalCode.CERTIFICATE_NOT_FOUND, "certificateId")
        if certificate.state is CertificateState.ISSUED:  # another process was faster
            return certificate
        holder = await self._holders.of(certificate, act.session)
        if holder is not None:
            ensure_active(holder)  # whoever was frozen since the intent waits for approval again
        issued = replace(
            certificate,
            state=next_state(certificate.state, CertificateCommand.ISSUE),
            serial_number=facts.serial,
            fingerprint=facts.fingerprint,
            subject=facts.subject,
            issuer=facts.issuer,
            not_before=facts.not_before,
            not_after=facts.not_after,
            pem=pem_of(facts),
            issued_at=act.at,
            intent=None,
        )
        await self._keys.claim(act.session, issued.spki_sha256, issued.holder_id, issued.profile, act.at)
        await self.make_room(act, issued)
        saved = await self._certificates.replace(act.session, issued)
        await act.record("certificate.issued", saved.id, saved.participant_id, described(saved))
        return saved

    async def make_room(self, act: Act, coming: Certificate) -> None:
        """Let the one that has the holder's seat give way. Raises Refused(CERTIFICATE_ALREADY_HELD) if it does not.

        The one that is renewed serves on beside its successor; one that is expired or held is superseded at once. For
        what the depository examines it alone puts another in its place.
        """
        seated = await self._certificates.find_seated(coming.holder_id, coming.profile, act.session)
        if seated is None or seated.id == coming.id:
            return
        ensure_not_examined(act.caller, seated)
        expired = validity_at(seated, act.at) is CertificateValidity.EXPIRED
        if seated.id == coming.supersedes_id and seated.state is CertificateState.ISSUED and not expired:
            await self._certificates.replace(act.session, succeeded(seated, coming.id, act.at + self._terms.overlap))
            return
        if not expired and seated.state is not CertificateState.HELD:
            raise refuse(RefusalCode.CERTIFICATE_ALREADY_HELD, profile=coming.profile.value)
        gone = replace(superseded(seated, act.at), superseded_by_id=coming.id)
        await self._certificates.replace(act.session, gone)
        await act.record("certificate.superseded", gone.id, gone.participant_id, {"by": coming.id})

    async def _abandon(self, certificate_id: str, codes: Sequence[str], act: Act) -> None:
        certificate = await self._certificates.find(certificate_id, act.session)
        if certificate is None or certificate.state is not CertificateState.REQUESTED or certificate.intent is None:
            return
        content = {
            "serial": certificate.intent.serial_number,
            "tbsSha256": certificate.intent.tbs_sha256,
            "codes": [*codes],
        }
        waiting = replace(certificate, intent=None, approved_by=None)
        await self._certificates.replace(act.session, waiting)
        await act.record("certificate.abandoned", certificate.id, certificate.participant_id, content)

    async def finish_interrupted(self) -> list[Interrupted]:
        """Finish what a crash left between its intent and its certificate. For the start, and now and then after it."""
        found, after = list[Interrupted](), ""
        while batch := await self._certificates.requested(after, _BATCH):
            after = batch[-1].id
            for certificate in batch:
                if certificate.intent is not None:
                    found.append(Interrupted(certificate.id, await self._finish_one(certificate)))
        for each in found:
            _logger.warning(
                "an interrupted issuing", extra={"certificate": each.certificate_id, "outcome": each.outcome}
            )
        return found

    async def _finish_one(self, certificate: Certificate) -> Outcome:
        try:
            await self.finish(SYSTEM, certificate.id)
        except SigningKeyUnusable:
            return Outcome.WAITING
        except Refused:
            return Outcome.ABANDONED
        return Outcome.FINISHED


def pem_of(facts: CertificateFacts) -> str:
    return facts.certificate.public_bytes(Encoding.PEM).decode()


def described(certificate: Certificate) -> dict[str, object]:
    """What a record says of a certificate: enough to find it anywhere, and nothing personal."""
    return {
        "profile": certificate.profile,
        "serial": certificate.serial_number,
        "issuer": certificate.issuer,
        "fingerprint": certificate.fingerprint,
        "key": certificate.spki_sha256,
        "notAfter": certificate.not_after,
        "supersedes": certificate.supersedes_id,
    }
