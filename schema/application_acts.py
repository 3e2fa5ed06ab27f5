"""The mutations of applications (申请): apply, submit, withdraw, review (art. 6, 7, 16, 18)."""

from datetime import date

import strawberry

from schema.applications import Application
from schema.bounds import at_most
from schema.context import Context
from schema.information import AdministratorInput, InformationInput
from schema.mutations import EXPECTED_VERSION, mutation, own_or
from service import applications
from service.acts import Done
from service.application_service import Amendment
from service.applications import Application as ApplicationRecord
from service.applications import ApplicationCommand, MaterialKind
from service.closures import ClosureInput
from service.errors import BadInput
from service.information_changes import ChangeInput
from service.openings import AccessInput
from service.policy import Action

TRUTH = "That all of it is true, accurate and complete (真实、准确、完整): refused without (art. 6)."
OWN = "Left out: the caller's own."
APPLICANT = "The credit code of the applicant, which applies in its own name (art. 6)."
PARTICIPANT_VERSION = "The participant's version that was read: refused with VERSION_CONFLICT if it has changed since."
EFFECTIVE = "The day it is to take effect, in Shanghai. Left out: with the approval."
MOST_MATERIALS = 20
ACCEPTED = "The number of the agreement in force: applying accepts it (art. 7)."


@strawberry.input(description="A paper handed in (申请材料), known by the SHA-256 of its bytes.")
class MaterialInput:
    kind: MaterialKind
    name: str
    sha256: str = strawberry.field(description="64 lower-case hexadecimal digits.")


@strawberry.input
class ApplyForAccessInput:
    participant_code: str = strawberry.field(description="The code (用户代码) asked for: a letter, then 2 to 7 more.")
    applicant_uscc: str = strawberry.field(description=APPLICANT)
    information: InformationInput
    administrator: AdministratorInput
    materials: list[MaterialInput] = strawberry.field(default_factory=list, metadata=at_most(MOST_MATERIALS))
    truth_declared: bool = strawberry.field(default=False, description=TRUTH)
    agreement_number: int | None = strawberry.field(default=None, description=ACCEPTED)
    submit: bool = strawberry.field(default=True, description="False: keep it as a draft.")


@strawberry.input
class SubmitApplicationInput:
    application_id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)
    information: InformationInput | None = strawberry.field(default=None, description="Left out: as it is.")
    administrator: AdministratorInput | None = strawberry.field(default=None, description="Left out: as it is.")
    materials: list[MaterialInput] | None = strawberry.field(
        default=None, description="Left out: as they are.", metadata=at_most(MOST_MATERIALS)
    )
    truth_declared: bool | None = strawberry.field(default=None, description=TRUTH)
    agreement_number: int | None = strawberry.field(default=None, description=ACCEPTED)


@strawberry.input
class WithdrawApplicationInput:
    application_id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class ReviewApplicationInput:
    application_id: strawberry.ID
    decision: ApplicationCommand = strawberry.field(
        description="TAKE_UP, RETURN, REJECT or APPROVE. Who submitted does not approve or reject."
    )
    reason: str | None = strawberry.field(default=None, description="To return or to reject takes one.")
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class ChangeInformationInput:
    participant_id: strawberry.ID | None = strawberry.field(default=None, description=OWN)
    applicant_uscc: str = strawberry.field(description=APPLICANT)
    information: InformationInput
    materials: list[MaterialInput] = strawberry.field(default_factory=list, metadata=at_most(MOST_MATERIALS))
    truth_declared: bool = strawberry.field(default=False, description=TRUTH)
    effective_from: date | None = strawberry.field(default=None, description=EFFECTIVE)
    expected_version: int | None = strawberry.field(default=None, description=PARTICIPANT_VERSION)


@strawberry.input
class ApplyForClosureInput:
    participant_id: strawberry.ID | None = strawberry.field(default=None, description=OWN)
    applicant_uscc: str = strawberry.field(description=APPLICANT)
    materials: list[MaterialInput] = strawberry.field(default_factory=list, metadata=at_most(MOST_MATERIALS))
    truth_declared: bool = strawberry.field(default=False, description=TRUTH)
    reason: str | None = None
    effective_from: date | None = strawberry.field(default=None, description=EFFECTIVE)
    expected_version: int | None = strawberry.field(default=None, description=PARTICIPANT_VERSION)


def _materials(given: list[MaterialInput]) -> tuple[applications.Material, ...]:
    return tuple(applications.Material(each.kind, each.name, each.sha256) for each in given)


REVIEWS = frozenset(
    {ApplicationCommand.TAKE_UP, ApplicationCommand.RETURN, ApplicationCommand.REJECT, ApplicationCommand.APPROVE}
)


@strawberry.type
class ApplicationMutation:
    @mutation(Application, Action.APPLY_FOR_ACCESS)
    async def apply_for_access(
        self, context: Context, given: ApplyForAccessInput, key: str | None
    ) -> Done[ApplicationRecord]:
        """File an institution's application to open PROP (开通申请), in its own name (art. 6). It accepts (art. 7)."""
        asked = AccessInput(
            participant_code=given.participant_code,
            applicant_uscc=given.applicant_uscc,
            information=given.information.given(),
            administrator=given.administrator.given(),
            materials=_materials(given.materials),
            truth_declared=given.truth_declared,
            agreement_number=given.agreement_number,
            submit=given.submit,
        )
        return await context.services.applications.apply_for_access(context.caller, asked, key=key)

    @mutation(Application, Action.SUBMIT_APPLICATION)
    async def submit_application(
        self, context: Context, given: SubmitApplicationInput, key: str | None
    ) -> Done[ApplicationRecord]:
        """Hand in (提交) a draft, or again what was returned, with what is amended (art. 6, 16)."""
        amended = Amendment(
            information=given.information.given() if given.information else None,
            administrator=given.administrator.given() if given.administrator else None,
            materials=None if given.materials is None else _materials(given.materials),
            truth_declared=given.truth_declared,
            agreement_number=given.agreement_number,
        )
        return await context.services.applications.submit(
            context.caller, given.application_id, amended, expected_version=given.expected_version, key=key
        )

    @mutation(Application, Action.WITHDRAW_APPLICATION)
    async def withdraw_application(
        self, context: Context, given: WithdrawApplicationInput, key: str | None
    ) -> Done[ApplicationRecord]:
        """Take an application back (撤回) before it is approved."""
        return await context.services.applications.withdraw(
            context.caller, given.application_id, expected_version=given.expected_version, key=key
        )

    @mutation(Application, Action.REVIEW_APPLICATION, Action.DECIDE_APPLICATION)
    async def review_application(
        self, context: Context, given: ReviewApplicationInput, key: str | None
    ) -> Done[ApplicationRecord]:
        """Take up, return, reject or approve an application (审核). What is approved and due takes effect at once."""
        if given.decision not in REVIEWS:
            raise BadInput(f"decision is one of {', '.join(sorted(REVIEWS))}.", field="decision")
        return await context.services.applications.review(
            context.caller,
            given.application_id,
            given.decision,
            given.reason,
            expected_version=given.expected_version,
            key=key,
        )

    @mutation(Application, Action.CHANGE_INFORMATION)
    async def change_information(
        self, context: Context, given: ChangeInformationInput, key: str | None
    ) -> Done[ApplicationRecord]:
        """Apply to change what is registered (信息变更; the name: 更名): after review, on its day (art. 16)."""
        asked = ChangeInput(
            applicant_uscc=given.applicant_uscc,
            information=given.information.given(),
            materials=_materials(given.materials),
            truth_declared=given.truth_declared,
            effective_from=given.effective_from,
        )
        participant_id = own_or(context, given.participant_id)
        return await context.services.applications.change_information(
            context.caller, participant_id, asked, expected_version=given.expected_version, key=key
        )

    @mutation(Application, Action.APPLY_FOR_CLOSURE)
    async def apply_for_closure(
        self, context: Context, given: ApplyForClosureInput, key: str | None
    ) -> Done[ApplicationRecord]:
        """Apply to close (关闭申请): when it takes effect, all access ends and every record stays (art. 18)."""
        asked = ClosureInput(
            applicant_uscc=given.applicant_uscc,
            materials=_materials(given.materials),
            truth_declared=given.truth_declared,
            reason=given.reason,
            effective_from=given.effective_from,
        )
        participant_id = own_or(context, given.participant_id)
        return await context.services.applications.apply_for_closure(
            context.caller, participant_id, asked, expected_version=given.expected_version, key=key
        )
