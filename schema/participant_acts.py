"""The depository's mutations of participants: suspend, resume, terminate, grant, withdraw (art. 9, 19, 20)."""

from datetime import date

import strawberry

from schema.context import Context
from schema.mutations import EXPECTED_VERSION, PROPOSAL_ID, mutation
from schema.participants import Participant
from service.access import QualificationType, Service
from service.acts import Done
from service.participants import Participant as ParticipantRecord
from service.policy import Action
from service.qualifications import QualificationInput, QualificationStatus
from service.sanctions import Decision, Ground, RuleKind, RuleReference


@strawberry.input(description="The rule that a decision rests on (art. 28).")
class RuleReferenceInput:
    kind: RuleKind
    title: str
    provision: str

    def given(self) -> RuleReference:
        return RuleReference(self.kind, self.title, self.provision)


@strawberry.input
class SuspendParticipantInput:
    participant_id: strawberry.ID
    ground: Ground | None = strawberry.field(default=None, description="Refused without one (art. 19).")
    rule: RuleReferenceInput | None = strawberry.field(default=None, description="Refused without one (art. 19, 28).")
    note: str = ""
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class TerminateParticipantInput:
    participant_id: strawberry.ID
    ground: Ground | None = strawberry.field(default=None, description="Refused without one (art. 19, 20).")
    rule: RuleReferenceInput | None = strawberry.field(default=None, description="Refused without one (art. 28).")
    note: str = ""
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)
    proposal_id: strawberry.ID | None = strawberry.field(default=None, description=PROPOSAL_ID)


@strawberry.input
class ResumeParticipantInput:
    participant_id: strawberry.ID
    note: str = ""
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class GrantServiceInput:
    participant_id: strawberry.ID
    service: Service
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class WithdrawServiceInput:
    participant_id: strawberry.ID
    service: Service
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class RecordQualificationInput:
    participant_id: strawberry.ID
    type: QualificationType
    status: QualificationStatus
    since: date
    until: date | None = strawberry.field(default=None, description="Its last day.")
    reference: str = strawberry.field(description="From where it is known.")
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


def _decision(given: SuspendParticipantInput | TerminateParticipantInput) -> Decision:
    return Decision(given.ground, given.rule.given() if given.rule else None, given.note)


@strawberry.type
class ParticipantMutation:
    @mutation(Participant, Action.SUSPEND_PARTICIPANT)
    async def suspend_participant(
        self, context: Context, given: SuspendParticipantInput, key: str | None
    ) -> Done[ParticipantRecord]:
        """Suspend (暂停) a participant on a ground and a rule (art. 19): nobody of it is let in until it is resumed."""
        return await context.services.participants.suspend(
            context.caller, given.participant_id, _decision(given), expected_version=given.expected_version, key=key
        )

    @mutation(Participant, Action.RESUME_PARTICIPANT)
    async def resume_participant(
        self, context: Context, given: ResumeParticipantInput, key: str | None
    ) -> Done[ParticipantRecord]:
        """Resume (恢复) a suspended participant: the depository's alone (art. 19)."""
        return await context.services.participants.resume(
            context.caller, given.participant_id, given.note, expected_version=given.expected_version, key=key
        )

    @mutation(Participant, Action.TERMINATE_PARTICIPANT)
    async def terminate_participant(
        self, context: Context, given: TerminateParticipantInput, key: str | None
    ) -> Done[ParticipantRecord]:
        """Terminate (终止) a participant (art. 19, 20): two officers' decision, which ends all access.

        The first call proposes, another officer's confirms. Every record stays.
        """
        return await context.services.participants.terminate(
            context.caller,
            given.participant_id,
            _decision(given),
            expected_version=given.expected_version,
            proposal_id=given.proposal_id,
            key=key,
        )

    @mutation(Participant, Action.GRANT_SERVICE)
    async def grant_service(
        self, context: Context, given: GrantServiceInput, key: str | None
    ) -> Done[ParticipantRecord]:
        """Grant a service (授权服务) whose qualification the participant holds (art. 9, 20)."""
        return await context.services.participants.grant_service(
            context.caller, given.participant_id, given.service, expected_version=given.expected_version, key=key
        )

    @mutation(Participant, Action.WITHDRAW_SERVICE)
    async def withdraw_service(
        self, context: Context, given: WithdrawServiceInput, key: str | None
    ) -> Done[ParticipantRecord]:
        """Withdraw a service (撤销授权), and from its operators what they held of it (art. 9)."""
        return await context.services.participants.withdraw_service(
            context.caller, given.participant_id, given.service, expected_version=given.expected_version, key=key
        )

    @mutation(Participant, Action.RECORD_QUALIFICATION)
    async def record_qualification(
        self, context: Context, given: RecordQualificationInput, key: str | None
    ) -> Done[ParticipantRecord]:
        """Take note of a business qualification (业务资格). A lost one raises a task and ends nothing (art. 20)."""
        asked = QualificationInput(given.type, given.status, given.since, given.until, given.reference)
        return await context.services.participants.record_qualification(
            context.caller, given.participant_id, asked, expected_version=given.expected_version, key=key
        )
