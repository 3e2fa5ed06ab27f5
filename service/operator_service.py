"""The acts on operators (art. 11, 12): each asks the policy, applies a pure rule and is recorded in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from service import institution_numbers as numbers
from service.access import Caller, CallerKind, OperatorRole, may_see, own_participant, permissions_of
from service.acts import Act, Acts, Done
from service.endings import REASONS, CertificateEndings, offboarding
from service.errors import BadInput
from service.identifiers import Kind
from service.operator_book import OperatorBook
from service.operators import (
    Freezer,
    OffboardReason,
    Operator,
    OperatorStatus,
    ensure_no_administrator,
    ensure_none_approves,
    ensure_within,
    frozen,
    is_active_administrator,
    offboarded,
    parse_permissions,
    succeeded_by,
    unfrozen,
)
from service.pagination import Page, PageRequest
from service.participants import Participant, ensure_active, granted_services
from service.personal_data import Datum, PersonalData
from service.policy import Action
from service.proposals import Proposal
from service.records import Record
from service.refusals import Findings, RefusalCode, refuse
from service.registration import telephone_place
from service.storage.operators import OPERATOR_CODEC, OperatorFilter, OperatorStore, operator_query
from service.storage.participants import ParticipantStore

PERSONAL_REASONS = (OffboardReason.LEFT, OffboardReason.MOVED)


@dataclass(frozen=True, slots=True)
class OperatorInput:
    """An operator to register. `permissions` by name; permission to approve is given later, by two persons."""

    operator_number: str
    name: str
    role: OperatorRole
    permissions: tuple[str, ...] = ()
    telephone: str | None = None

    def __repr__(self) -> str:
        return f"OperatorInput({self.operator_number})"  # personal data stays out of logs


class OperatorService:
    def __init__(
        self,
        acts: Acts,
        *,
        operators: OperatorStore,
        participants: ParticipantStore,
        certificates: CertificateEndings,
        personal_data: PersonalData,
    ) -> None:
        self._acts = acts
        self._operators = operators
        self._book = OperatorBook(operators, participants)
        self._certificates = certificates
        self._personal_data = personal_data

    async def find(self, caller: Caller, operator_id: str) -> Operator | None:
        return (await self.get_many(caller, [operator_id]))[0]

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[Operator | None]:
        """In the order of `ids`; None for what is not there, or not for this caller to see."""
        await self._acts.permit(caller, Action.READ_OPERATOR)
        found = await self._operators.get_many(ids)
        return [each if each and may_see(caller, each.participant_id) else None for each in found]

    async def find_self(self, caller: Caller) -> Operator | None:
        """The operator who calls. To look at oneself takes no permission."""
        return await self._operators.find(caller.id) if caller.kind is CallerKind.OPERATOR and caller.id else None

    async def page(self, caller: Caller, wanted: OperatorFilter, request: PageRequest) -> Page[Operator]:
        """Those that the filter asks for and the caller may see. Raises BadInput for a text of no use."""
        await self._acts.permit(caller, Action.READ_OPERATOR)
        return await self._operators.page(request, operator_query(wanted, own_participant(caller)))

    async def count(self, caller: Caller, wanted: OperatorFilter) -> int:
        await self._acts.permit(caller, Action.READ_OPERATOR)
        return await self._operators.count(operator_query(wanted, own_participant(caller)))

    async def telephone_index(self, caller: Caller, telephone: str) -> str:
        """What `OperatorFilter.telephone_index` takes, for callers who may know numbers. Raises Refused."""
        await self._acts.permit(caller, Action.REVEAL_PERSONAL_DATA)
        number = numbers.parse_telephone(telephone, "filter", "telephone")
        return self._personal_data.blind_index(number, Datum.TELEPHONE)

    async def reveal_telephone(self, caller: Caller, operator: Operator) -> str | None:
        """The number in clear, for callers who need it; Forbidden for the others. Callers see it masked."""
        if caller.id != operator.id:
            await self._acts.permit(caller, Action.REVEAL_PERSONAL_DATA)
        if operator.telephone is None or not may_see(caller, operator.participant_id):
            return None
        return self._personal_data.open(operator.telephone, telephone_place(operator.id))

    async def register(
        self, caller: Caller, participant_id: str, given: OperatorInput, *, key: str | None = None
    ) -> Done[Operator]:
        """A new operator of the participant. Raises Refused with every fault of the input.

        To register one that holds permissions takes the right to assign them. Raises Forbidden.
        """
        if given.permissions and caller.kind is CallerKind.OPERATOR:
            await self._acts.permit(caller, Action.CHANGE_PERMISSIONS)

        async def work(act: Act) -> Done[Operator]:
            participant = await self._book.get_participant(act, participant_id)
            ensure_active(participant)
            operator = self._parse(act, participant, given)
            if await self._operators.find_by_number(participant.id, operator.operator_number, act.session):
                raise refuse(RefusalCode.OPERATOR_NUMBER_TAKEN, "operatorNumber", found=operator.operator_number)
            await self._book.participants.touch_roster(act.session, participant.id)
            await self._operators.insert(act.session, operator)
            content = {
                "number": operator.operator_number,
                "role": operator.role,
                "permissions": [*operator.permissions],
            }
            return Done(operator, await act.record("operator.registered", operator.id, participant.id, content))

        asked = {
            "participant": participant_id,
            "number": given.operator_number,
            "name": given.name,
            "role": given.role.value,
            "permissions": list(given.permissions),
            "telephone": given.telephone,
        }
        return await self._acts.perform(caller, Action.REGISTER_OPERATOR, OPERATOR_CODEC, work, given=asked, key=key)

    def _parse(self, act: Act, participant: Participant, given: OperatorInput) -> Operator:
        findings = Findings()
        operator_id = act.new_id(Kind.OPERATOR)
        number = findings.attempt(numbers.parse_operator_number, given.operator_number, "operatorNumber")
        name = findings.attempt(numbers.parse_name, given.name, "name")
        telephone = given.telephone and findings.attempt(numbers.parse_telephone, given.telephone, "telephone")
        permissions = findings.attempt(parse_permissions, given.permissions, "permissions") or ()
        granted = permissions_of(granted_services(participant))
        findings.attempt(ensure_within, permissions, given.role, granted, "permissions")
        findings.attempt(ensure_none_approves, permissions, "permissions")
        if act.caller.kind is not CallerKind.SYSTEM:
            findings.attempt(ensure_no_administrator, given.role, "role")
        findings.raise_any()
        place = telephone_place(operator_id)
        return Operator(
            id=operator_id,
            version=1,
            participant_id=participant.id,
            operator_number=number or "",
            name=name or "",
            role=given.role,
            status=OperatorStatus.ACTIVE,
            permissions=permissions,
            telephone=self._personal_data.seal(telephone, Datum.TELEPHONE, place) if telephone else None,
            registered_at=act.at,
            registered_by=act.caller.id,
        )

    async def freeze(
        self, caller: Caller, operator_id: str, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[Operator]:
        """Sessions end at once; permissions and certificates wait. The last active administrator stays.

        The depository freezes whom the participant has frozen as well: from then on it alone unfreezes.
        """

        async def work(act: Act) -> Done[Operator]:
            operator = await self._book.get(act, operator_id, expected_version)
            changed = frozen(operator, act.at, _freezer(act))
            await self._book.ensure_administered_without(act, operator)
            return await self._book.keep(act, changed, "operator.frozen", {"by": changed.frozen_by})

        asked = {"operator": operator_id, "version": expected_version}
        return await self._acts.perform(caller, Action.FREEZE_OPERATOR, OPERATOR_CODEC, work, given=asked, key=key)

    async def unfreeze(
        self, caller: Caller, operator_id: str, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[Operator]:
        """Raises Refused(DEPOSITORY_DECIDES) for a participant that would undo what the depository did."""

        async def work(act: Act) -> Done[Operator]:
            operator = await self._book.get(act, operator_id, expected_version)
            ensure_active(await self._book.get_participant(act, operator.participant_id))
            return await self._book.keep(act, unfrozen(operator, _freezer(act)), "operator.unfrozen", {})

        asked = {"operator": operator_id, "version": expected_version}
        return await self._acts.perform(caller, Action.UNFREEZE_OPERATOR, OPERATOR_CODEC, work, given=asked, key=key)

    async def offboard(
        self,
        caller: Caller,
        operator_id: str,
        reason: OffboardReason,
        *,
        successor_id: str | None = None,
        expected_version: int | None = None,
        proposal_id: str | None = None,
        key: str | None = None,
    ) -> Done[Operator]:
        """Permissions, SMS, sessions and certificates end together (art. 11). Repeated, it has nothing left to do.

        The last active administrator goes only with a successor, who takes over role and permissions, but not those to
        approve: they are given by two persons. A successor that is no administrator yet takes two persons, too: the
        first call proposes. Nobody makes itself the successor. Raises BadInput for a reason that is not the operator's
        own: the end of a participant offboards by itself.
        """
        if reason not in PERSONAL_REASONS:
            raise BadInput(f"An operator is offboarded because it {' or '.join(PERSONAL_REASONS)}.", field="reason")

        async def work(act: Act) -> Done[Operator]:
            operator = await self._book.get(act, operator_id, None)
            if operator.status is OperatorStatus.OFFBOARDED:
                return Done(operator, None)
            act.ensure_version(operator.version, expected_version)
            if successor_id is None:
                await self._book.ensure_administered_without(act, operator)
            else:
                proposal = await self._succeed(act, operator, successor_id, proposal_id)
                if proposal is not None:
                    return Done(operator, *proposal)
            ended = await self._certificates.end_certificates(act.session, [operator.id], REASONS[reason], act.at)
            content = offboarding(operator, reason, ended.get(operator.id, ()), successor_id)
            return await self._book.keep(act, offboarded(operator, reason, act.at), "operator.offboarded", content)

        asked = {
            "operator": operator_id,
            "reason": reason.value,
            "successor": successor_id,
            "version": expected_version,
        }
        return await self._acts.perform(caller, Action.OFFBOARD_OPERATOR, OPERATOR_CODEC, work, given=asked, key=key)

    async def _succeed(
        self, act: Act, leaver: Operator, successor_id: str, proposal_id: str | None
    ) -> tuple[Record, Proposal] | None:
        """Let the successor take over, or answer the proposal that another person is to confirm."""
        successor = await self._operators.find(successor_id, act.session)
        if successor is None:
            raise refuse(RefusalCode.SUCCESSOR_UNFIT, "successorId")
        if not is_active_administrator(leaver):
            raise refuse(RefusalCode.SUCCESSOR_UNFIT, "successorId")
        changed = succeeded_by(leaver, successor)
        if successor.id == act.caller.id:  # it would take for itself what it takes from another
            raise refuse(RefusalCode.OWN_PERMISSIONS, "successorId")
        content: dict[str, object] = {
            "leaver": leaver.id,
            "before": [*successor.permissions],
            "after": [*changed.permissions],
        }
        if successor.role is not OperatorRole.ADMINISTRATOR:
            action = Action.OFFBOARD_OPERATOR
            if proposal_id is None:
                proposal = await act.propose(action, leaver.id, leaver.participant_id)
                content["proposal"] = proposal.id
                kind = "operator.succession.proposed"
                return await act.record(kind, successor.id, successor.participant_id, content), proposal
            content["proposal"] = (await act.confirm(proposal_id, action, leaver.id)).id
        promoted = await self._operators.replace(act.session, changed)
        await act.record("operator.succeeded", promoted.id, promoted.participant_id, content)
        return None


def _freezer(act: Act) -> Freezer:
    return Freezer.PARTICIPANT if act.caller.kind is CallerKind.OPERATOR else Freezer.DEPOSITORY
