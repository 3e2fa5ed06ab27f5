"""How certificates come about (art. 13, 14): requested, approved by a second person, renewed before they end."""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from service.access import Caller, CallerKind
from service.acts import Act, Acts, Done
from service.certificate_changes import ensure_extended, ensure_renewable
from service.certificate_holders import (
    CertificateHolder,
    CertificateHolders,
    ensure_active,
    ensure_not_examined,
    get_certificate,
    hands_on,
)
from service.certificate_issuing import CertificateIssuing, CertificateTerms
from service.certificates import (
    Certificate,
    CertificateProfile,
    CertificateState,
    CertificateValidity,
    validity_at,
)
from service.electronic_keys import ensure_in_hand
from service.errors import Unavailable
from service.identifiers import Kind
from service.pki.errors import CertificateError
from service.pki.keys import ensure_key_allowed
from service.pki.parsing import RequestFacts, format_name, parse_request
from service.pki.profiles import subject_of
from service.pki.signers import SigningKeyUnusable
from service.policy import Action, ensure_second_person
from service.refusals import RefusalCode, refuse
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.certificates import CERTIFICATE_CODEC, CertificateStore
from service.storage.electronic_keys import ElectronicKeyStore
from service.world import World

Work = Callable[[Act], Awaitable[Done[Certificate]]]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RequestInput:
    """A request: for an operator or a registrar, with a PKCS#10 request in PEM whose names are not read."""

    profile: CertificateProfile
    request: str
    operator_id: str | None = None
    registrar_id: str | None = None
    electronic_key_id: str | None = None

    def __repr__(self) -> str:
        return f"RequestInput({self.profile})"  # what was pasted may be a private key


class CertificateRequests:
    def __init__(
        self,
        world: World,
        acts: Acts,
        issuing: CertificateIssuing,
        *,
        certificates: CertificateStore,
        keys: CertificateKeyStore,
        holders: CertificateHolders,
        electronic_keys: ElectronicKeyStore,
        terms: CertificateTerms,
    ) -> None:
        self._world = world
        self._acts = acts
        self._issuing = issuing
        self._certificates = certificates
        self._keys = keys
        self._holders = holders
        self._electronic_keys = electronic_keys
        self._terms = terms

    async def request(self, caller: Caller, given: RequestInput, *, key: str | None = None) -> Done[Certificate]:
        """A certificate for a holder who has none that is usable. It waits for approval, where that is asked for.

        The system's own requests do not wait: who is at the depository's machine holds the authority anyway.
        """

        async def work(act: Act) -> Done[Certificate]:
            holder = await self._holders.get_certifiable(act, given.operator_id, given.registrar_id)
            await self._ensure_vacant(act, holder, given.profile)
            certificate = await self._requested(
                act, holder, given.profile, given.request, electronic_key_id=given.electronic_key_id
            )
            content = {"profile": certificate.profile, "key": certificate.spki_sha256}
            await self._certificates.insert(act.session, certificate)
            record = await act.record("certificate.requested", certificate.id, certificate.participant_id, content)
            if self._terms.approval == "automatic" or act.caller.kind is CallerKind.SYSTEM:
                certificate = await self._intend(act, certificate)
            return Done(certificate, record)

        asked = {
            "profile": given.profile.value,
            "holder": given.operator_id or given.registrar_id,
            "request": _digest(given.request),
            "electronicKey": given.electronic_key_id,
        }
        return await self._issue(caller, Action.REQUEST_CERTIFICATE, work, asked, key)

    async def approve(
        self, caller: Caller, certificate_id: str, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[Certificate]:
        """Let a request become a certificate. Who asked for it, and who will hold it, does not approve it."""

        async def work(act: Act) -> Done[Certificate]:
            certificate = await get_certificate(act, self._certificates, certificate_id, expected_version)
            if certificate.state is not CertificateState.REQUESTED or certificate.intent is not None:
                raise refuse(RefusalCode.CERTIFICATE_STATE, state=certificate.state.value, command="APPROVE")
            if self._terms.approval == "second_person":
                action, hands = Action.APPROVE_CERTIFICATE, certificate.certified_by
                ensure_second_person(act.caller, action, certificate.requested_by, hands)
                ensure_second_person(act.caller, action, certificate.holder_id)
            holder = await self._holders.of(certificate, act.session)
            if holder is not None:
                ensure_active(holder)
            await self._keys.claim(
                act.session, certificate.spki_sha256, certificate.holder_id, certificate.profile, act.at
            )
            approved = await self._issuing.prepare(act, certificate)
            record = await act.record("certificate.approved", approved.id, approved.participant_id, _intended(approved))
            return Done(approved, record)

        asked = {"certificate": certificate_id, "version": expected_version}
        return await self._issue(caller, Action.APPROVE_CERTIFICATE, work, asked, key)

    async def renew(
        self,
        caller: Caller,
        certificate_id: str,
        request: str,
        *,
        same_key: bool = False,
        electronic_key_id: str | None = None,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Certificate]:
        """A successor, with a new key unless `same_key`. The old one serves until the first use of the new.

        The holder's own renewal does not wait for approval: the old certificate, with which it has logged in, vouches.
        """

        async def work(act: Act) -> Done[Certificate]:
            old = await get_certificate(act, self._certificates, certificate_id, expected_version)
            holder = await self._holders.get_certifiable(act, old.operator_id, old.registrar_id)
            ensure_renewable(old, act.at)
            await self._ensure_none_waits(act, holder, old.profile)
            keeper = electronic_key_id or old.electronic_key_id
            successor = await self._requested(
                act, holder, old.profile, request, electronic_key_id=keeper, supersedes=old
            )
            if (successor.spki_sha256 == old.spki_sha256) is not same_key:
                raise refuse(RefusalCode.CERTIFICATE_KEY_REUSED, "request")
            ensure_extended(old, successor.not_after)
            await self._certificates.insert(act.session, successor)
            content = {"supersedes": old.id, "key": successor.spki_sha256, "sameKey": same_key}
            record = await act.record("certificate.renewal", successor.id, successor.participant_id, content)
            if self._terms.approval == "automatic" or act.caller.id in {holder.id, None}:
                successor = await self._intend(act, successor)
            return Done(successor, record)

        asked = {
            "certificate": certificate_id,
            "request": _digest(request),
            "sameKey": same_key,
            "electronicKey": electronic_key_id,
            "version": expected_version,
        }
        return await self._issue(caller, Action.RENEW_CERTIFICATE, work, asked, key)

    async def _issue(
        self, caller: Caller, action: Action, work: Work, asked: Mapping[str, object], key: str | None
    ) -> Done[Certificate]:
        """Perform the first part, and where that intends a certificate, the second: sign and keep it.

        Raises Unavailable where the authority does not sign: what was intended is finished as soon as it does.
        """
        done = await self._acts.perform(caller, action, CERTIFICATE_CODEC, work, given=asked, key=key)
        if done.subject.intent is None:
            return done
        try:
            return replace(done, subject=await self._issuing.finish(caller, done.subject.id))
        except SigningKeyUnusable as error:
            _logger.error("the authority does not sign", extra={"certificate": done.subject.id}, exc_info=error)
            raise Unavailable(
                "The authority does not sign at the moment. The request is kept, and finished as soon as it does.",
                certificateId=done.subject.id,
            ) from error

    async def _requested(
        self,
        act: Act,
        holder: CertificateHolder,
        profile: CertificateProfile,
        request: str,
        *,
        electronic_key_id: str | None,
        supersedes: Certificate | None = None,
    ) -> Certificate:
        """The request as it is kept, its key claimed for the holder. Raises Refused."""
        authority = self._issuing.authority
        facts = self._parse(request)
        if electronic_key_id is not None:
            ensure_in_hand(await self._electronic_keys.find(electronic_key_id, act.session), holder.id)
        await self._keys.claim(act.session, facts.key.spki_sha256, holder.id, profile, act.at)
        not_before = act.at.replace(microsecond=0)
        return Certificate(
            id=act.new_id(Kind.CERTIFICATE),
            version=1,
            profile=profile,
            state=CertificateState.REQUESTED,
            subject=format_name(subject_of(self._world, holder.named(), holder.legal_name(self._world))),
            issuer=authority.issuer,
            not_before=not_before,
            not_after=not_before + timedelta(days=self._terms.days, seconds=-1),
            key_algorithm=facts.key.name,
            spki_sha256=facts.key.spki_sha256,
            participant_id=holder.participant_id,
            operator_id=holder.operator.id if holder.operator else None,
            registrar_id=holder.registrar.id if holder.registrar else None,
            electronic_key_id=electronic_key_id,
            registered_at=act.at,
            requested_by=act.caller.id,
            certified_by=hands_on(supersedes, act.caller, holder),
            request=facts.der,
            supersedes_id=supersedes.id if supersedes else None,
        )

    def _parse(self, request: str) -> RequestFacts:
        try:
            facts = parse_request(request.encode(errors="replace"))
            ensure_key_allowed(facts.key, known_weak=self._terms.known_weak)
        except CertificateError as error:
            raise error.at("request") from None
        return facts

    async def _intend(self, act: Act, certificate: Certificate) -> Certificate:
        intended = await self._issuing.prepare(act, certificate)
        content = _intended(intended)
        await act.record("certificate.intended", intended.id, intended.participant_id, content)
        return intended

    async def _ensure_vacant(self, act: Act, holder: CertificateHolder, profile: CertificateProfile) -> None:
        await self._ensure_none_waits(act, holder, profile)
        seated = await self._certificates.find_seated(holder.id, profile, act.session)
        ensure_not_examined(act.caller, seated)
        if seated is None or seated.state is CertificateState.HELD:
            return
        if validity_at(seated, act.at) is not CertificateValidity.EXPIRED:
            raise refuse(RefusalCode.CERTIFICATE_ALREADY_HELD, "profile", profile=profile.value)

    async def _ensure_none_waits(self, act: Act, holder: CertificateHolder, profile: CertificateProfile) -> None:
        field = "operatorId" if holder.operator else "registrarId"
        requested = await self._certificates.requested_of({field: holder.id}, act.session)
        if any(each.profile is profile for each in requested):
            raise refuse(RefusalCode.CERTIFICATE_REQUEST_PENDING, "profile", profile=profile.value)


def _intended(certificate: Certificate) -> dict[str, object]:
    intent = certificate.intent
    serial, digest = (intent.serial_number, intent.tbs_sha256) if intent else (None, None)
    return {"profile": certificate.profile, "serial": serial, "tbsSha256": digest, "key": certificate.spki_sha256}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
