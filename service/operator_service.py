"""The acts on operators (art. 11, 12): each asks the policy, applies a pure rule and is recorded in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from service import institution_numbers as numbers
from service.access import Caller, CallerKind, OperatorRole, may_see, own_participant, permissions_of
from service.acts import Act, Acts, Done, ensure_version
from service.endings import REASONS, CertificateEndings
from service.errors import BadInput
from service.identifiers import Kind
from service.operators import (
    LeastPrivilegeReview,
    LeaverFinding,
    OffboardReason,
    Operator,
    OperatorStatus,
    SmsTopic,
    ensure_none_approves,
    ensure_within,
    frozen,
    is_active_administrator,
    least_privilege,
    leaver_concerns,
    needs_second_person,
    offboarded,
    parse_permissions,
    subscribed,
    succeeded_by,
    unfrozen,
    unsubscribed,
    with_permissions,
)
from service.pagination import Page, PageRequest
from service.participants import Participant, ensure_active, granted_services
from service.personal_data import Datum, PersonalData, Place
from service.policy import Action
from service.refusals import Findings, RefusalCode, refuse
from service.registration import telephone_place
from service.storage.operators import OPERATOR_CODEC, OperatorFilter, OperatorStore, operator_query
from service.storage.participants import ParticipantStore
from service.usage import Usage

PERSONAL_REASONS = (OffboardReason.LEFT, OffboardReason.MOVED)
IDLE = timedelta(days=90)
"""After how long an operator is long idle: a policy of this service; the agreement names no time."""


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
        usage: Usage,
        personal_data: PersonalData,
    ) -> None:
        self._acts = acts
        self._operators = operators
        self._participants = participants
        self._certificates = certificates
        self._usage = usage
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

    async def register(
        self, caller: Caller, participant_id: str, given: OperatorInput, *, key: str | None = None
    ) -> Done[Operator]:
        """A new operator of the participant. Raises Refused with every fault of the input.

        To register one that holds permissions takes the right to assign them. Raises Forbidden.
        """
        if given.permissions and caller.kind is CallerKind.OPERATOR:
            await self._acts.permit(caller, Action.CHANGE_PERMISSIONS)

        async def work(act: Act) -> Done[Operator]:
            participant = await self._participant(act, participant_id)
            ensure_active(participant)
            operator = self._parse(act, participant, given)
            if await self._operators.find_by_number(participant.id, operator.operator_number, act.session):
                raise refuse(RefusalCode.OPERATOR_NUMBER_TAKEN, "operatorNumber", found=operator.operator_number)
            await self._participants.touch_roster(act.session, participant.id)
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
        )

    async def change_permissions(
        self,
        caller: Caller,
        operator_id: str,
        permissions: Sequence[str],
        *,
        expected_version: int | None = None,
        proposal_id: str | None = None,
        key: str | None = None,
    ) -> Done[Operator]:
        """Give the operator exactly these permissions (art. 11).

        Newly letting somebody approve takes two persons: the first call proposes, the same call by another person with
        `proposal_id` does it.
        """
        asked = {"operator": operator_id, "permissions": sorted(permissions), "version": expected_version}

        async def work(act: Act) -> Done[Operator]:
            operator = await self._operator(act, operator_id, expected_version)
            participant = await self._participant(act, operator.participant_id)
            ensure_active(participant)
            wanted = parse_permissions(permissions, "permissions")
            ensure_within(wanted, operator.role, permissions_of(granted_services(participant)), "permissions")
            changed = with_permissions(operator, wanted, changed_by=act.caller.id)
            content: dict[str, object] = {"before": [*operator.permissions], "after": [*wanted]}
            if needs_second_person(operator, wanted):
                action = Action.CHANGE_PERMISSIONS
                if proposal_id is None:
                    proposal = await act.propose(action, operator.id, participant.id)
                    content["proposal"] = proposal.id
                    record = await act.record("operator.permissions.proposed", operator.id, participant.id, content)
                    return Done(operator, record, proposal)
                content["proposal"] = (await act.confirm(proposal_id, action, operator.id)).id
            # A service withdrawn at the same moment must meet this: the roster is what both touch.
            await self._participants.touch_roster(act.session, participant.id)
            saved = await self._operators.replace(act.session, changed)
            return Done(saved, await act.record("operator.permissions.changed", saved.id, participant.id, content))

        return await self._acts.perform(caller, Action.CHANGE_PERMISSIONS, OPERATOR_CODEC, work, given=asked, key=key)

    async def freeze(
        self, caller: Caller, operator_id: str, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[Operator]:
        """Sessions end at once; permissions and certificates wait. The last active administrator stays."""

        async def work(act: Act) -> Done[Operator]:
            operator = await self._operator(act, operator_id, expected_version)
            changed = frozen(operator, act.at)
            await self._ensure_administered_without(act, operator)
            return await self._keep(act, changed, "operator.frozen", {})

        asked = {"operator": operator_id, "version": expected_version}
        return await self._acts.perform(caller, Action.FREEZE_OPERATOR, OPERATOR_CODEC, work, given=asked, key=key)

    async def unfreeze(
        self, caller: Caller, operator_id: str, *, expected_version: int | None = None, key: str | None = None
    ) -> Done[Operator]:
        async def work(act: Act) -> Done[Operator]:
            operator = await self._operator(act, operator_id, expected_version)
            ensure_active(await self._participant(act, operator.participant_id))
            return await self._keep(act, unfrozen(operator), "operator.unfrozen", {})

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
        key: str | None = None,
    ) -> Done[Operator]:
        """Permissions, SMS, sessions and certificates end together (art. 11). Repeated, it has nothing left to do.

        The last active administrator goes only with a successor, who takes over role and permissions, but not those to
        approve: they are given by two persons. Nobody makes itself the successor. Raises BadInput for a reason that is
        not the operator's own: the end of a participant offboards by itself.
        """
        if reason not in PERSONAL_REASONS:
            raise BadInput(f"An operator is offboarded because it {' or '.join(PERSONAL_REASONS)}.", field="reason")

        async def work(act: Act) -> Done[Operator]:
            operator = await self._operator(act, operator_id, None)
            if operator.status is OperatorStatus.OFFBOARDED:
                return Done(operator, None)
            ensure_version(operator.version, expected_version)
            if successor_id is None:
                await self._ensure_administered_without(act, operator)
            else:
                await self._succeed(act, operator, successor_id)
            ended = await self._certificates.end_certificates(act.session, [operator.id], REASONS[reason], act.at)
            content: dict[str, object] = {
                "reason": reason.value,
                "permissions": [*operator.permissions],
                "sms": [each.topic.value for each in operator.sms_subscriptions],
                "certificates": list(ended),
                "successor": successor_id,
            }
            return await self._keep(act, offboarded(operator, reason, act.at), "operator.offboarded", content)

        asked = {
            "operator": operator_id,
            "reason": reason.value,
            "successor": successor_id,
            "version": expected_version,
        }
        return await self._acts.perform(caller, Action.OFFBOARD_OPERATOR, OPERATOR_CODEC, work, given=asked, key=key)

    async def _succeed(self, act: Act, leaver: Operator, successor_id: str) -> None:
        successor = await self._operators.find(successor_id, act.session)
        if successor is None:
            raise refuse(RefusalCode.SUCCESSOR_UNFIT, "successorId")
        if not is_active_administrator(leaver):
            raise refuse(RefusalCode.SUCCESSOR_UNFIT, "successorId")
        changed = succeeded_by(leaver, successor)
        if successor.id == act.caller.id:  # it would take for itself what it takes from another
            raise refuse(RefusalCode.OWN_PERMISSIONS, "successorId")
        promoted = await self._operators.replace(act.session, changed)
        content = {"leaver": leaver.id, "before": [*successor.permissions], "after": [*promoted.permissions]}
        await act.record("operator.succeeded", promoted.id, promoted.participant_id, content)

    async def subscribe_sms(
        self,
        caller: Caller,
        operator_id: str,
        topic: SmsTopic,
        telephone: str | None,
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Operator]:
        """One's own subscription, to the telephone given or the one registered."""

        async def work(act: Act) -> Done[Operator]:
            operator = await self._operator(act, operator_id, expected_version)
            if act.caller.id != operator.id:
                raise refuse(RefusalCode.SMS_NOT_OWN, "operatorId")
            place = Place("operators", operator.id, f"smsSubscriptions.{topic.value}")
            if telephone is not None:
                number = numbers.parse_telephone(telephone, "telephone")
                sealed = self._personal_data.seal(number, Datum.TELEPHONE, place)
            elif operator.telephone is not None:
                sealed = self._personal_data.moved(operator.telephone, telephone_place(operator.id), place)
            else:
                raise refuse(RefusalCode.TELEPHONE_INVALID, "telephone")
            changed = subscribed(operator, topic, sealed, act.at)
            return await self._keep(act, changed, "operator.sms.subscribed", {"topic": topic.value})

        asked = {
            "operator": operator_id,
            "topic": topic.value,
            "telephone": telephone,
            "version": expected_version,
        }
        return await self._acts.perform(caller, Action.SUBSCRIBE_SMS, OPERATOR_CODEC, work, given=asked, key=key)

    async def unsubscribe_sms(
        self,
        caller: Caller,
        operator_id: str,
        topic: SmsTopic,
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Operator]:
        """One's own, or as an administrator any of the participant's (art. 11)."""

        async def work(act: Act) -> Done[Operator]:
            operator = await self._operator(act, operator_id, expected_version)
            if act.caller.id != operator.id and act.caller.role is not OperatorRole.ADMINISTRATOR:
                raise refuse(RefusalCode.SMS_NOT_OWN, "operatorId")
            changed = unsubscribed(operator, topic, act.at)
            return await self._keep(act, changed, "operator.sms.unsubscribed", {"topic": topic.value})

        asked = {"operator": operator_id, "topic": topic.value, "version": expected_version}
        return await self._acts.perform(caller, Action.UNSUBSCRIBE_SMS, OPERATOR_CODEC, work, given=asked, key=key)

    async def reveal_telephone(self, caller: Caller, operator: Operator) -> str | None:
        """The number in clear, for callers who need it; Forbidden for the others. Callers see it masked."""
        if caller.id != operator.id:
            await self._acts.permit(caller, Action.REVEAL_PERSONAL_DATA)
        if operator.telephone is None or not may_see(caller, operator.participant_id):
            return None
        return self._personal_data.open(operator.telephone, telephone_place(operator.id))

    async def least_privilege(
        self, caller: Caller, operators: Sequence[Operator], days: int
    ) -> list[LeastPrivilegeReview]:
        """What each holds against what it used in the last `days` (art. 11), in their order."""
        await self._acts.permit(caller, Action.READ_LEAST_PRIVILEGE)
        now = self._acts.now(caller)
        uses = await self._usage.uses_of([operator.id for operator in operators], now, days)
        since = now - timedelta(days=days)
        return [least_privilege(operator, each, days, since) for operator, each in zip(operators, uses, strict=True)]

    async def reviews_of(self, caller: Caller, asked: Sequence[tuple[Operator, int]]) -> list[LeastPrivilegeReview]:
        """`least_privilege` for many operators, each with its own number of days, in their order."""
        reviews: dict[tuple[str, int], LeastPrivilegeReview] = {}
        for days in {days for _, days in asked}:
            some = [operator for operator, wanted in asked if wanted == days]
            found = await self.least_privilege(caller, some, days)
            reviews |= {(operator.id, days): review for operator, review in zip(some, found, strict=True)}
        return [reviews[operator.id, days] for operator, days in asked]

    async def leaver_report(self, caller: Caller, participant_id: str, limit: int = 1000) -> list[LeaverFinding]:
        """Operators who may have left something behind, among the first `limit` of the participant who are not gone."""
        await self._acts.permit(caller, Action.READ_LEAST_PRIVILEGE)
        if not may_see(caller, participant_id):
            return []
        operators = await self._operators.standing(None, participant_id, "", limit)
        holders = await self._certificates.holders_of_certificates([each.id for each in operators])
        idle_since = self._acts.now(caller) - IDLE
        findings = (
            LeaverFinding(each, leaver_concerns(each, idle_since=idle_since, has_certificate=each.id in holders))
            for each in operators
        )
        return [finding for finding in findings if finding.concerns]

    async def _operator(self, act: Act, operator_id: str, expected_version: int | None) -> Operator:
        """Raises Refused for none, for another participant's (exactly as for none), and for another version."""
        operator = await self._operators.find(operator_id, act.session)
        if operator is None or not may_see(act.caller, operator.participant_id):
            raise refuse(RefusalCode.OPERATOR_NOT_FOUND, "operatorId")
        ensure_version(operator.version, expected_version)
        return operator

    async def _participant(self, act: Act, participant_id: str) -> Participant:
        participant = await self._participants.find(participant_id, act.session)
        if participant is None or not may_see(act.caller, participant_id):
            raise refuse(RefusalCode.PARTICIPANT_NOT_FOUND, "participantId")
        return participant

    async def _ensure_administered_without(self, act: Act, operator: Operator) -> None:
        if not is_active_administrator(operator):
            return
        # Two administrators who remove each other at once must meet: one of them is tried again, and refused.
        await self._participants.touch_roster(act.session, operator.participant_id)
        if not await self._operators.count_other_administrators(act.session, operator):
            raise refuse(RefusalCode.LAST_ADMINISTRATOR, "operatorId")

    async def _keep(self, act: Act, changed: Operator, kind: str, content: dict[str, object]) -> Done[Operator]:
        saved = await self._operators.replace(act.session, changed)
        return Done(saved, await act.record(kind, saved.id, saved.participant_id, content))
