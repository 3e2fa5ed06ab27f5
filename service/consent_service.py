"""The acts by which a participant answers a revision of the agreement: confirm, reject (art. 25, 29)."""

from collections.abc import Sequence

from service.access import Caller, CallerKind, OperatorRole, may_see
from service.acts import Act, Acts, Done
from service.consents import Answer, Consent, acceptance_of, confirmed, ensure_delivered, find_due, rejected
from service.identifiers import Kind
from service.participants import LEGACY_NOTICE_NUMBER, accepted
from service.policy import Action
from service.refusals import RefusalCode, refuse
from service.sight import AS_IT_IS, Sight
from service.storage.agreements import AgreementStore
from service.storage.consents import CONSENT_CODEC, ConsentStore, DeliveryCount
from service.storage.participants import ParticipantStore
from service.storage.tasks import TaskStore
from service.tasks import Task, TaskKind, TaskStatus

LONGEST_REASON = 500


class ConsentService:
    def __init__(
        self,
        acts: Acts,
        *,
        consents: ConsentStore,
        agreements: AgreementStore,
        participants: ParticipantStore,
        tasks: TaskStore,
        sight: Sight = AS_IT_IS,
    ) -> None:
        self._acts = acts
        self._consents = consents
        self._agreements = agreements
        self._participants = participants
        self._tasks = tasks
        self._sight = sight

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[Consent | None]:
        """In the order of `ids`; None for what is not there, or not for this caller to see."""
        await self._acts.permit(caller, Action.READ_CONSENT)
        found = await self._consents.get_many(ids)
        return [each if each and may_see(caller, each.participant_id) else None for each in found]

    async def of_participant(self, caller: Caller, participant_id: str) -> list[Consent]:
        """Every version that was delivered to the participant and what became of it, the newest first."""
        await self._acts.permit(caller, Action.READ_CONSENT)
        return await self._consents.of_participant(participant_id) if may_see(caller, participant_id) else []

    async def find_due(self, caller: Caller) -> Consent | None:
        """The version that waits for the answer of the caller's participant."""
        if caller.participant_id is None:
            return None
        return find_due(await self.of_participant(caller, caller.participant_id))

    async def count_deliveries(self, caller: Caller, number: int) -> DeliveryCount:
        await self._acts.permit(caller, Action.READ_DELIVERY)
        return await self._consents.count_deliveries(number)

    async def note_opened(self, caller: Caller, number: int) -> None:
        """Somebody has read that version: the first time that an administrator of the participant does is kept."""
        if caller.kind is CallerKind.OPERATOR and caller.role is OperatorRole.ADMINISTRATOR and caller.participant_id:
            await self._consents.note_opened(caller.participant_id, number, self._acts.now(caller))

    async def confirm(
        self, caller: Caller, number: int, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[Consent]:
        """Accept the newest version, which was delivered. It binds from its first day on."""

        async def work(act: Act) -> Done[Consent]:
            consent = await self._to_answer(act, number, expected_version)
            record = await act.record("agreement.confirmed", consent.id, consent.participant_id, _named(consent))
            saved = await self._consents.replace(act.session, confirmed(consent, _answer(act, record.id)))
            participant = await self._participants.find(consent.participant_id, act.session)
            if participant is None:
                raise refuse(RefusalCode.PARTICIPANT_NOT_FOUND)
            await self._participants.keep_acceptances(act.session, accepted(participant, acceptance_of(saved)))
            return Done(saved, record)

        asked = {"number": number, "version": expected_version}
        return await self._acts.perform(caller, Action.ACCEPT_AGREEMENT, CONSENT_CODEC, work, given=asked, key=key)

    async def reject(
        self,
        caller: Caller,
        number: int,
        reason: str | None = None,
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Consent]:
        """Disagree with the newest version: use stops at once, and the depository is told that this one will close."""
        given_reason = (reason or "").strip()[:LONGEST_REASON] or None

        async def work(act: Act) -> Done[Consent]:
            consent = await self._to_answer(act, number, expected_version)
            task = await self._tasks.insert(act.session, _to_close(act, consent))
            content = {**_named(consent), "reason": given_reason, "task": task.id}
            record = await act.record("agreement.rejected", consent.id, consent.participant_id, content)
            changed = rejected(consent, _answer(act, record.id), given_reason)
            return Done(await self._consents.replace(act.session, changed), record)

        asked = {"number": number, "version": expected_version, "reason": given_reason}
        return await self._acts.perform(caller, Action.REJECT_AGREEMENT, CONSENT_CODEC, work, given=asked, key=key)

    async def _to_answer(self, act: Act, number: int, expected_version: int | None) -> Consent:
        """The delivery that the caller's participant may answer. Raises Refused for any other number."""
        if number == LEGACY_NOTICE_NUMBER:
            raise refuse(RefusalCode.LEGACY_NOTICE_ENDED, "number")
        heads = self._sight.heads(await self._agreements.published_heads(act.session))
        if number not in {head.number for head in heads}:
            raise refuse(RefusalCode.AGREEMENT_NOT_FOUND, "number", number=number)
        if number != heads[-1].number:
            raise refuse(RefusalCode.AGREEMENT_NOT_NEWEST, "number", number=number, newest=heads[-1].number)
        found = await self._consents.find_of(act.caller.participant_id or "", number, act.session)
        consent = ensure_delivered(found, number)
        act.ensure_version(consent.version, expected_version)
        return consent


def _answer(act: Act, record_id: str) -> Answer:
    return Answer(act.caller.id, act.at, record_id)


def _named(consent: Consent) -> dict[str, object]:
    return {"number": consent.agreement_number, "contentHash": consent.content_hash}


def _to_close(act: Act, consent: Consent) -> Task:
    return Task(
        id=act.new_id(Kind.TASK),
        version=1,
        kind=TaskKind.AGREEMENT_REJECTED,
        status=TaskStatus.OPEN,
        participant_id=consent.participant_id,
        reference=consent.id,
        raised_at=act.at,
    )
