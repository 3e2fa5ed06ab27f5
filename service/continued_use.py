"""Continuing to use PROP is consent to a delivered revision (art. 25); who has rejected it uses PROP no more.

**What use is.** An act of an operator that changes something and leaves a record: it is the participant's act
(art. 12). Logging in is not use, nor is reading, one's notices and the revision itself included: a participant must be
able to learn what it is asked to agree to. Nor are the acts of `NO_USE`: answering the revision, the way out (applying
to close, and whatever is done about applications on that way), and guarding what one was entrusted with (art. 11, 13),
which is a duty and no choice. An act that is refused, or that finds nothing left to do, is no use. The depository's own
acts bind nobody else.

These rules hold in both worlds. What the sandbox keeps of them is the sandbox's, marked as binding nobody.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from service.access import CallerKind
from service.acts import Act, Done, Stored
from service.consents import Answer, Consent, acceptance_of, deemed, find_deemable, find_rejection
from service.participants import accepted
from service.policy import Action
from service.records import Record
from service.refusals import RefusalCode, refuse
from service.sight import AS_IT_IS, Sight
from service.storage.consents import ConsentStore
from service.storage.participants import ParticipantStore

T = TypeVar("T", bound=Stored)

NO_USE = frozenset(
    {
        Action.ACCEPT_AGREEMENT,
        Action.REJECT_AGREEMENT,
        Action.APPLY_FOR_CLOSURE,
        Action.SUBMIT_APPLICATION,
        Action.WITHDRAW_APPLICATION,
        Action.UNSUBSCRIBE_SMS,
        Action.FREEZE_OPERATOR,
        Action.OFFBOARD_OPERATOR,
        Action.HOLD_CERTIFICATE,
        Action.REVOKE_CERTIFICATE,
        Action.REPORT_KEY_LOST,
    }
)


class ContinuedUse:
    """Stands around every act: refuses use after a rejection, and takes the first use of a revision as consent."""

    def __init__(self, consents: ConsentStore, participants: ParticipantStore, sight: Sight = AS_IT_IS) -> None:
        self._consents = consents
        self._participants = participants
        self._sight = sight

    async def around(self, act: Act, action: Action, work: Callable[[Act], Awaitable[Done[T]]]) -> Done[T]:
        """Do `work`, in its transaction with what it means for the agreement. Raises Refused(AGREEMENT_REJECTED)."""
        participant_id = act.caller.participant_id
        if act.caller.kind is not CallerKind.OPERATOR or participant_id is None or action in NO_USE:
            return await work(act)
        stored = await self._consents.of_participant(participant_id, act.session)
        consents = self._sight.consents(stored, participant_id)
        rejection = find_rejection(consents)
        if rejection is not None:
            raise refuse(RefusalCode.AGREEMENT_REJECTED, number=rejection.agreement_number)
        done = await work(act)
        consent = find_deemable(consents, act.at)
        if consent is not None and done.record is not None:
            await self._deem(act, consent, done.record)
        return done

    async def _deem(self, act: Act, consent: Consent, use: Record) -> None:
        answer = Answer(act.caller.id, act.at, use.id)
        saved = await self._consents.replace(act.session, deemed(consent, consent.agreement_number, answer))
        participant = await self._participants.find(consent.participant_id, act.session)
        if participant is None:
            raise refuse(RefusalCode.PARTICIPANT_NOT_FOUND)
        await self._participants.keep_acceptances(act.session, accepted(participant, acceptance_of(saved)))
        content = {"number": saved.agreement_number, "contentHash": saved.content_hash, "use": use.id}
        await act.record("agreement.deemed", saved.id, saved.participant_id, content)
