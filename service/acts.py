"""One act = one transaction: the change, its record and its idempotency entry are kept together, or not at all."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import orjson

from service.access import Caller, CallerKind, may_see
from service.clock import Clock
from service.errors import BadInput, Forbidden, Unavailable
from service.identifiers import Kind, new_id
from service.personal_data import PersonalData
from service.policy import POLICY, Action, ensure_may
from service.proposals import PROPOSAL_LIFE, Proposal, ProposalStatus, confirmed
from service.records import Entry, Record, RecordService
from service.refusals import RefusalCode, refuse
from service.sight import AS_IT_IS, Sight
from service.storage.database import Database, Session
from service.storage.documents import Codec
from service.storage.idempotency import Answered, IdempotencyStore, KeyTaken
from service.storage.proposals import PROPOSAL_CODEC, ProposalStore
from service.storage.records import RecordStore
from service.usage import Usage
from service.world import World

LONGEST_KEY = 255
_ATTEMPTS = 10  # at a key that another call holds
ADMITTING = frozenset(
    {
        Action.DECIDE_APPLICATION,
        Action.EFFECT_APPLICATION,
        Action.SUSPEND_PARTICIPANT,
        Action.RESUME_PARTICIPANT,
        Action.TERMINATE_PARTICIPANT,
        Action.WITHDRAW_SERVICE,
        Action.CHANGE_PERMISSIONS,
        Action.FREEZE_OPERATOR,
        Action.UNFREEZE_OPERATOR,
        Action.OFFBOARD_OPERATOR,
        Action.APPOINT_ADMINISTRATOR,
        Action.RENEW_CERTIFICATE,
        Action.HOLD_CERTIFICATE,
        Action.RELEASE_CERTIFICATE,
        Action.REVOKE_CERTIFICATE,
        Action.REPORT_KEY_LOST,
        Action.END_REGISTRAR,
    }
)
"""Acts that change who is let in, or with what: nothing that this process remembers of logins outlives them."""


class Stored(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Stored)
S = TypeVar("S", bound=Stored)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What an act answers: its subject, the record of it, and a proposal where it waits for a second person.

    No record where nothing was left to do.
    """

    subject: T
    record: Record | None
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """An act in progress: who, when (to the millisecond, as the database keeps it), and the open transaction."""

    caller: Caller
    at: datetime
    session: Session
    digest: str
    world: World
    _records: RecordService
    _proposals: ProposalStore
    _sight: Sight = AS_IT_IS

    def ensure_version(self, found: int, expected: int | None) -> None:
        """Raises Refused(VERSION_CONFLICT) where the caller read another version than the one that is there."""
        seen = self._sight.version(found)
        if expected is not None and seen != expected:
            raise refuse(RefusalCode.VERSION_CONFLICT, "expectedVersion", found=seen, expected=expected)

    async def record(
        self, kind: str, subject: str, participant_id: str | None, content: Mapping[str, object]
    ) -> Record:
        """Record a part of the act. `content` holds no personal data."""
        plain = orjson.loads(orjson.dumps(content))
        return await self._records.write(self.caller, self.session, kind, subject, participant_id, plain)

    async def record_many(self, kind: str, participant_id: str | None, entries: Sequence[Entry]) -> None:
        """A record for each of several subjects of a participant."""
        plain = [Entry(each.subject, orjson.loads(orjson.dumps(each.content))) for each in entries]
        await self._records.write_many(self.caller, self.session, kind, participant_id, plain)

    def new_id(self, kind: Kind) -> str:
        return new_id(self.world, kind, self.at)

    async def propose(self, action: Action, subject_id: str, participant_id: str) -> Proposal:
        """Leave the act to a second person."""
        proposal = Proposal(
            id=self.new_id(Kind.PROPOSAL),
            version=1,
            action=action,
            status=ProposalStatus.WAITING,
            subject_id=subject_id,
            participant_id=participant_id,
            digest=self.digest,
            proposed_by=self.caller.id or self.caller.kind.value,
            certified_by=tuple(sorted(self.caller.certified_by)),
            proposed_at=self.at,
            expires_at=self.at + PROPOSAL_LIFE,
        )
        return await self._proposals.insert(self.session, proposal)

    async def confirm(self, proposal_id: str, action: Action, subject_id: str) -> Proposal:
        """Be the second person. Raises Refused unless this is what another person proposed."""
        found = await self._proposals.find(proposal_id, self.session)
        proposal = found if found and may_see(self.caller, found.participant_id) else None
        now = confirmed(proposal, self.caller, action=action, subject_id=subject_id, digest=self.digest, at=self.at)
        return await self._proposals.replace(self.session, now)


class Use(Protocol):
    """What acting means for the agreement (art. 25): it stands around every act, in the act's transaction."""

    async def around(self, act: Act, action: Action, work: Callable[[Act], Awaitable[Done[S]]]) -> Done[S]:
        """Do `work`. Raises Refused where the participant may act no more."""


class Readmit(Protocol):
    async def __call__(self, caller: Caller, session: Session, at: datetime, /) -> Caller:
        """The caller as this transaction sees it. Raises Unauthenticated for one that has ended meanwhile."""


async def _as_it_was(caller: Caller, session: Session, at: datetime, /) -> Caller:  # noqa: ARG001 - Readmit
    return caller


class Acts:
    """Runs acts: asks the policy, replays what a key has answered, opens the transaction."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        database: Database,
        *,
        records: RecordService,
        kept_records: RecordStore,
        entries: IdempotencyStore,
        proposals: ProposalStore,
        usage: Usage,
        use: Use,
        personal_data: PersonalData,
        readmit: Readmit = _as_it_was,
        forget_logins: Callable[[], None] = lambda: None,
        sight: Sight = AS_IT_IS,
    ) -> None:
        self._world = world
        self._clock = clock
        self._database = database
        self._records = records
        self._kept_records = kept_records
        self._entries = entries
        self._proposals = proposals
        self._usage = usage
        self._use = use
        self._personal_data = personal_data
        self._readmit = readmit
        self._forget_logins = forget_logins
        self._sight = sight

    def now(self, caller: Caller) -> datetime:
        at = self._clock.now(caller.participant_id)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)  # what the database keeps of a time

    async def permit(self, caller: Caller, action: Action) -> None:
        """Raises Unauthenticated or Forbidden; an attempt beyond what was permitted is recorded (art. 9)."""
        try:
            ensure_may(caller, action)
        except Forbidden:
            await self._records.attempts.beyond(caller, action)
            raise
        self._usage.note(caller, POLICY[action].permission, self.now(caller))

    async def perform(
        self,
        caller: Caller,
        action: Action,
        codec: Codec[T],
        work: Callable[[Act], Awaitable[Done[T]]],
        *,
        given: Mapping[str, object],
        key: str | None = None,
    ) -> Done[T]:
        """Run `work` once, whatever happens: with a key, a repeated call gets the first one's answer for a day.

        `given` is the input (JSON, dataclasses) that the key and a proposal stand for. Raises Unauthenticated,
        Forbidden, Refused, BadInput for an impossible key.
        """
        await self.permit(caller, action)
        try:
            return await self._performed(caller, action, codec, work, given=given, key=key)
        finally:
            if action in ADMITTING:
                self._forget_logins()  # even if it failed: the answer to a commit may be what was lost

    async def _performed(
        self,
        caller: Caller,
        action: Action,
        codec: Codec[T],
        work: Callable[[Act], Awaitable[Done[T]]],
        *,
        given: Mapping[str, object],
        key: str | None,
    ) -> Done[T]:
        digest = self._digest(action, given)

        async def used(act: Act) -> Done[T]:
            # Whoever was offboarded, or lost the permission, since the token was looked at acts no more (art. 11).
            act = replace(act, caller=await self._readmit(act.caller, act.session, act.at))
            ensure_may(act.caller, action)
            return await self._use.around(act, action, work)

        if key is None:
            return await self._database.transaction(lambda session: used(self._act(caller, session, digest)))
        entry = self._entry_id(caller, key)
        for _ in range(_ATTEMPTS):
            answered = await self._entries.find(entry, self.now(caller))
            if answered is not None:
                return await self._replay(answered, digest, codec)
            try:
                return await self._database.transaction(
                    lambda session: self._once(self._act(caller, session, digest), entry, codec, used)
                )
            except KeyTaken:
                continue
        raise Unavailable("Another call with this idempotency key is still running.", retryAfter=1)

    async def follow(self, caller: Caller, work: Callable[[Act], Awaitable[R]]) -> R:
        """One more transaction: of an act that was permitted in its first, or the service's own. Asks no policy."""
        return await self._database.transaction(lambda session: work(self.within(caller, session)))

    def within(self, caller: Caller, session: Session) -> Act:
        """An act inside somebody else's transaction, which has asked what there is to ask."""
        return self._act(caller, session, "")

    def _act(self, caller: Caller, session: Session, digest: str) -> Act:
        return Act(caller, self.now(caller), session, digest, self._world, self._records, self._proposals, self._sight)

    async def _once(self, act: Act, entry: str, codec: Codec[T], work: Callable[[Act], Awaitable[Done[T]]]) -> Done[T]:
        await self._entries.claim(act.session, entry, act.digest, act.at)
        done = await work(act)
        answered = Answered(
            act.digest,
            codec.encode(done.subject),
            done.record.id if done.record else None,
            PROPOSAL_CODEC.encode(done.proposal) if done.proposal else None,
        )
        await self._entries.answer(act.session, entry, answered)
        return done

    async def _replay(self, answered: Answered, digest: str, codec: Codec[T]) -> Done[T]:
        if answered.digest != digest:
            raise refuse(RefusalCode.IDEMPOTENCY_KEY_REUSED, "idempotencyKey")
        found = await self._kept_records.get_many([answered.record]) if answered.record else []
        record = found[0] if found else None
        proposal = PROPOSAL_CODEC.decode(answered.proposal) if answered.proposal else None
        return Done(codec.decode(answered.subject), record, proposal)

    def _entry_id(self, caller: Caller, key: str) -> str:
        if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
            raise BadInput(f"An idempotency key has 1 to {LONGEST_KEY} printable characters.")
        whose = caller.id if caller.kind is not CallerKind.SYSTEM else CallerKind.SYSTEM.value
        return hashlib.sha256(f"{whose}\0{key}".encode()).hexdigest()

    def _digest(self, action: Action, given: Mapping[str, object]) -> str:
        """Keyed, because inputs hold telephone numbers, and a bare hash of one is soon guessed."""
        said = {"action": action, "given": given}
        return self._personal_data.keyed_digest(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))
