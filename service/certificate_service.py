"""What befalls certificates (art. 13, 14): held, released, revoked, reported lost, superseded by their successors.

How they come about is in `certificate_requests`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from service.access import SYSTEM, Caller, CallerKind, may_see, own_participant
from service.acts import Act, Acts, Done
from service.certificate_changes import ensure_reason, held, reinstated, released, reported_lost, revoked
from service.certificate_holders import CertificateHolders, ensure_own_or_managed, get_certificate
from service.certificate_issuing import described
from service.certificate_keys import BlockReason
from service.certificates import (
    OPERATORS_REASONS,
    REGISTRARS_REASONS,
    SEATED,
    STANDING,
    Certificate,
    HoldReason,
    Obstacle,
    RevocationReason,
)
from service.electronic_key_loss import lose
from service.endings import CertificateEnd
from service.pagination import Page, PageRequest
from service.policy import Action
from service.records import Record, RecordFilter, RecordService
from service.refusals import RefusalCode, refuse
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.certificates import CERTIFICATE_CODEC, CertificateFilter, CertificateStore, certificate_query
from service.storage.database import Session
from service.storage.electronic_keys import ElectronicKeyStore

Work = Callable[[Act], Awaitable[Done[Certificate]]]
_MOST_COUNTED = 10_000  # acts under a compromised key, for the record of its end: nothing urgent waits for more


class CertificateService:
    """Also how certificates end with their operators: `service.endings.CertificateEndings`."""

    def __init__(
        self,
        acts: Acts,
        *,
        certificates: CertificateStore,
        keys: CertificateKeyStore,
        holders: CertificateHolders,
        electronic_keys: ElectronicKeyStore,
        records: RecordService,
    ) -> None:
        self._acts = acts
        self._certificates = certificates
        self._keys = keys
        self._holders = holders
        self._electronic_keys = electronic_keys
        self._records = records

    async def find(self, caller: Caller, certificate_id: str) -> Certificate | None:
        return (await self.get_many(caller, [certificate_id]))[0]

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[Certificate | None]:
        """In the order of `ids`; None for what is not there, or not for this caller to see."""
        await self._acts.permit(caller, Action.READ_CERTIFICATE)
        found = await self._certificates.get_many(ids)
        return [each if each and may_see(caller, each.participant_id or "") else None for each in found]

    async def page(self, caller: Caller, wanted: CertificateFilter, request: PageRequest) -> Page[Certificate]:
        """Those that the filter asks for and the caller may see, as of the caller's time."""
        await self._acts.permit(caller, Action.READ_CERTIFICATE)
        query = certificate_query(wanted, own_participant(caller), self._acts.now(caller))
        return await self._certificates.page(request, query)

    async def count(self, caller: Caller, wanted: CertificateFilter) -> int:
        await self._acts.permit(caller, Action.READ_CERTIFICATE)
        query = certificate_query(wanted, own_participant(caller), self._acts.now(caller))
        return await self._certificates.count(query)

    async def obstacles_of(self, caller: Caller, certificates: Sequence[Certificate]) -> list[tuple[Obstacle, ...]]:
        """Why each is not usable at the caller's time, in their order; nothing where it is."""
        return await self._holders.obstacles_of(certificates, self._acts.now(caller))

    async def acted_since(self, caller: Caller, certificate: Certificate, request: PageRequest) -> Page[Record]:
        """What was done under the certificate since its key was lost: since all of its life, where nobody knows.

        Raises Forbidden for who may not read records.
        """
        await self._acts.permit(caller, Action.READ_RECORD)
        return await self._records.page(caller, _acted_since(certificate), request)

    async def count_acted_since(self, caller: Caller, certificate: Certificate) -> int:
        await self._acts.permit(caller, Action.READ_RECORD)
        return await self._records.count(caller, _acted_since(certificate))

    async def hold(
        self, caller: Caller, certificate_id: str, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[Certificate]:
        """Not usable until it is released (冻结). The depository's takes the place of the participant's own."""

        async def work(act: Act) -> Done[Certificate]:
            certificate = await get_certificate(act, self._certificates, certificate_id, expected_version)
            ours = act.caller.kind is CallerKind.OPERATOR
            changed = held(certificate, HoldReason.ASKED if ours else HoldReason.EXAMINED, act.at)
            return await self._keep(act, changed, "certificate.held", {"reason": changed.hold_reason})

        asked = {"certificate": certificate_id, "version": expected_version}
        return await self._change(caller, Action.HOLD_CERTIFICATE, work, asked, key)

    async def release(
        self, caller: Caller, certificate_id: str, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[Certificate]:
        """Usable again (解冻), unless its key is lost or blocked. What the depository holds, it alone releases."""

        async def work(act: Act) -> Done[Certificate]:
            certificate = await get_certificate(act, self._certificates, certificate_id, expected_version)
            if certificate.hold_reason is HoldReason.EXAMINED and act.caller.kind is CallerKind.OPERATOR:
                raise refuse(RefusalCode.DEPOSITORY_DECIDES)
            changed = released(certificate)
            if changed.proven:
                await self._keys.claim(act.session, changed.spki_sha256, changed.holder_id, changed.profile, act.at)
            return await self._keep(act, changed, "certificate.released", {"reason": certificate.hold_reason})

        asked = {"certificate": certificate_id, "version": expected_version}
        return await self._change(caller, Action.RELEASE_CERTIFICATE, work, asked, key)

    async def revoke(
        self,
        caller: Caller,
        certificate_id: str,
        reason: RevocationReason | None,
        *,
        invalidity_date: datetime | None = None,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Certificate]:
        """For good (吊销). keyCompromise blocks the key, ends every certificate of it, and its holder's sessions.

        A certificate that was never verified proves nobody's key: revoked, it takes nothing with it.
        """

        async def work(act: Act) -> Done[Certificate]:
            certificate = await get_certificate(act, self._certificates, certificate_id, expected_version)
            allowed = OPERATORS_REASONS if act.caller.kind is CallerKind.OPERATOR else REGISTRARS_REASONS
            why = ensure_reason(reason, allowed, invalidity_date, act.at)
            changed = revoked(certificate, why, act.at, invalidity_date)
            content: dict[str, object] = {**described(changed), "reason": why, "invalidityDate": invalidity_date}
            if why is RevocationReason.KEY_COMPROMISE and changed.proven:
                content["actedSince"] = await self._count_for_record(changed)
                content["fellWithIt"] = await self._block(act, changed, invalidity_date)
            done = await self._keep(act, changed, "certificate.revoked", content)
            await self._reinstate_old(act, done.subject)
            return done

        asked = {
            "certificate": certificate_id,
            "reason": reason.value if reason else None,
            "invalidityDate": invalidity_date.isoformat() if invalidity_date else None,
            "version": expected_version,
        }
        return await self._change(caller, Action.REVOKE_CERTIFICATE, work, asked, key)

    async def report_lost(self, caller: Caller, certificate_id: str, *, key: str | None = None) -> Done[Certificate]:
        """Hold it at once (挂失), with all else on the same electronic key: nobody has to approve (art. 13).

        Whatever it was held for before, it is never released. Reported again, there is nothing left to do.
        """

        async def work(act: Act) -> Done[Certificate]:
            certificate = await get_certificate(act, self._certificates, certificate_id)
            holder = await self._holders.get_for(
                act.caller, certificate.operator_id, certificate.registrar_id, act.session
            )
            ensure_own_or_managed(act.caller, holder)
            if certificate.loss_reported_at is not None:
                return Done(certificate, None)
            changed = reported_lost(certificate, act.at)
            done = await self._keep(act, changed, "certificate.key_lost", described(changed))
            for other in await lose(act, self._electronic_keys, self._certificates, changed):
                await act.record("certificate.key_lost", other.id, other.participant_id, described(other))
            return done

        return await self._change(caller, Action.REPORT_KEY_LOST, work, {"certificate": certificate_id}, key)

    async def end_certificates(
        self, session: Session, operator_ids: Sequence[str], reason: CertificateEnd, at: datetime
    ) -> Mapping[str, Sequence[str]]:
        return await self._certificates.end_certificates(session, operator_ids, reason, at)

    async def holders_of_certificates(self, operator_ids: Sequence[str]) -> set[str]:
        return await self._certificates.holders_of_certificates(operator_ids)

    async def _count_for_record(self, certificate: Certificate) -> int:
        """Counted by the service itself: whoever may revoke need not be one who may read records."""
        acted = replace(_acted_since(certificate), participant_id=certificate.participant_id)
        return await self._records.count(SYSTEM, acted, at_most=_MOST_COUNTED)

    async def _block(self, act: Act, certificate: Certificate, invalid_since: datetime | None) -> list[str]:
        """Block the key, end what else has it, and its holder's sessions; answers the ids of what fell."""
        spki = certificate.spki_sha256
        await self._keys.block(act.session, spki, BlockReason.COMPROMISED, act.at, invalid_since)
        fallen = []
        for other in await self._certificates.of_key(spki, act.session):
            if other.id != certificate.id and other.state in STANDING:
                ended = revoked(other, RevocationReason.KEY_COMPROMISE, act.at, invalid_since)
                await self._certificates.replace(act.session, ended)
                await act.record("certificate.revoked", ended.id, ended.participant_id, described(ended))
                fallen.append(ended.id)
        holder = await self._holders.of(certificate, act.session)
        if holder is not None and holder.operator is not None:
            await self._holders.operators.replace(act.session, replace(holder.operator, sessions_end_at=act.at))
        if holder is not None and holder.registrar is not None:
            await self._holders.registrars.replace(act.session, replace(holder.registrar, sessions_end_at=act.at))
        return fallen

    async def _reinstate_old(self, act: Act, ended: Certificate) -> None:
        """A successor that ends before its first use gives the seat back."""
        if ended.supersedes_id is None or ended.first_used_at is not None:
            return
        old = await self._certificates.find(ended.supersedes_id, act.session)
        if old is not None and old.state in SEATED and old.superseded_by_id == ended.id:
            await self._certificates.replace(act.session, reinstated(old))

    async def _keep(self, act: Act, changed: Certificate, kind: str, content: dict[str, object]) -> Done[Certificate]:
        saved = await self._certificates.replace(act.session, changed)
        return Done(saved, await act.record(kind, saved.id, saved.participant_id, content))

    async def _change(
        self, caller: Caller, action: Action, work: Work, asked: Mapping[str, object], key: str | None
    ) -> Done[Certificate]:
        return await self._acts.perform(caller, action, CERTIFICATE_CODEC, work, given=asked, key=key)


def _acted_since(certificate: Certificate) -> RecordFilter:
    since = certificate.invalidity_date or certificate.not_before
    return RecordFilter(certificate=certificate.fingerprint or "none", since=since)
