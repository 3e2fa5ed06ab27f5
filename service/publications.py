"""Publishing a revision of the agreement, and delivering it through PROP to every open participant (art. 25).

Publishing is one short act; deliveries follow in batches, by any process that runs `deliver`. Nothing is lost with a
process that ends in between: what is not delivered yet is seen in the data, and delivered by the next.
"""

from dataclasses import replace

from service.access import SYSTEM, Caller
from service.acts import Act, Acts, Done
from service.agreements import LEGACY_NOTICE, AgreementService, ensure_publishable
from service.consents import Consent
from service.identifiers import Kind
from service.policy import Action
from service.refusals import RefusalCode, refuse
from service.storage.agreements import AgreementHead, AgreementStore
from service.storage.consents import AlreadyDelivered, ConsentStore
from service.storage.documents import Codec
from service.storage.participants import ParticipantStore

HEAD_CODEC = Codec(AgreementHead)
BATCH = 100  # deliveries in one transaction, each with its record
LOOKED_AT = 5_000  # participants found by one query: ids only


class PublicationService:
    def __init__(
        self,
        acts: Acts,
        *,
        texts: AgreementService,
        agreements: AgreementStore,
        consents: ConsentStore,
        participants: ParticipantStore,
    ) -> None:
        self._acts = acts
        self._texts = texts
        self._agreements = agreements
        self._consents = consents
        self._participants = participants

    async def publish(
        self, caller: Caller, number: int, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[AgreementHead]:
        """Publish the draft `number`: it supersedes the version before from its effective date on (art. 25).

        Raises Refused if there is no such draft, if it is published already, if the version before it is not, or if it
        would take effect earlier than that one.
        """

        async def work(act: Act) -> Done[AgreementHead]:
            draft = await self._agreements.find(number, act.session)
            if draft is not None:
                act.ensure_version(draft.version, expected_version)
            heads = await self._agreements.published_heads(act.session)
            published = await self._agreements.publish(ensure_publishable(draft, number, heads), act.at, act.session)
            if published is None:
                raise refuse(RefusalCode.AGREEMENT_PUBLISHED, "number", number=number)
            content: dict[str, object] = {
                "number": number,
                "contentHash": published.content_hash,
                "effectiveFrom": published.effective_from.isoformat(),
                "supersedes": heads[-1].number if heads else None,
                "endsNotice": None if heads else LEGACY_NOTICE,
            }
            record = await act.record("agreement.published", published.id, None, content)
            return Done(AgreementHead.of(published), record)

        asked = {"number": number, "version": expected_version}
        done = await self._acts.perform(caller, Action.PUBLISH_AGREEMENT, HEAD_CODEC, work, given=asked, key=key)
        self._texts.forget_heads()
        return done

    async def deliver(self, batch: int = BATCH) -> int:
        """The service's own job: the newest version, to each open participant that has neither got nor accepted it.

        Answers how many it was delivered to. Repeated, or run by two processes at once, it delivers to nobody twice.
        """
        heads = await self._agreements.published_heads()
        delivered, after = 0, ""
        while heads and (ids := await self._participants.open_without(heads[-1].number, after, LOOKED_AT)):
            for start in range(0, len(ids), batch):
                delivered += await self._deliver_to(heads[-1], ids[start : start + batch])
            after = ids[-1]
        return delivered

    async def _deliver_to(self, head: AgreementHead, participant_ids: list[str]) -> int:
        waiting = set(participant_ids) - await self._consents.delivered_to(head.number, participant_ids)
        if not waiting:
            return 0
        count = 0

        async def work(act: Act) -> Done[AgreementHead]:
            nonlocal count
            missing = sorted(waiting - await self._consents.delivered_to(head.number, sorted(waiting), act.session))
            consents = [await self._delivery(act, head, each) for each in missing]
            if consents:
                await self._consents.insert_many(act.session, consents)
            count = len(consents)
            return Done(head, None)

        given = {"number": head.number, "participants": sorted(waiting)}
        try:
            await self._acts.perform(SYSTEM, Action.DELIVER_AGREEMENT, HEAD_CODEC, work, given=given)
        except AlreadyDelivered:
            return 0  # another process is at the same batch; the next round sees what it left
        return count

    async def _delivery(self, act: Act, head: AgreementHead, participant_id: str) -> Consent:
        """A delivery in the participant's own time, with its record."""
        recipient = replace(SYSTEM, participant_id=participant_id)
        own = replace(act, caller=recipient, at=self._acts.now(recipient))
        consent_id = own.new_id(Kind.CONSENT)
        content = {"number": head.number, "contentHash": head.content_hash}
        record = await own.record("agreement.delivered", consent_id, participant_id, content)
        return Consent(
            id=consent_id,
            version=1,
            participant_id=participant_id,
            agreement_number=head.number,
            content_hash=head.content_hash,
            effective_from=head.effective_from,
            delivered_at=own.at,
            delivery_record=record.id,
        )
