"""What operators may do (art. 9, 11): exactly what they are given, and to approve only by the word of two persons."""

from collections.abc import Sequence

from service.access import Caller, CallerKind, OperatorRole, permissions_of
from service.acts import Act, Acts, Done
from service.operator_book import OperatorBook
from service.operators import (
    Operator,
    appointed,
    ensure_within,
    needs_second_person,
    parse_permissions,
    with_permissions,
)
from service.participants import ensure_active, granted_services
from service.policy import Action
from service.storage.operators import OPERATOR_CODEC, OperatorStore
from service.storage.participants import ParticipantStore


class PermissionService:
    def __init__(self, acts: Acts, operators: OperatorStore, participants: ParticipantStore) -> None:
        self._acts = acts
        self._book = OperatorBook(operators, participants)

    async def change(
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
            operator = await self._book.get(act, operator_id, expected_version)
            participant = await self._book.get_participant(act, operator.participant_id)
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
            await self._book.participants.touch_roster(act.session, participant.id)
            saved = await self._book.operators.replace(act.session, changed)
            return Done(saved, await act.record("operator.permissions.changed", saved.id, participant.id, content))

        return await self._acts.perform(caller, Action.CHANGE_PERMISSIONS, OPERATOR_CODEC, work, given=asked, key=key)

    async def appoint(
        self,
        caller: Caller,
        operator_id: str,
        permissions: Sequence[str],
        *,
        expected_version: int | None = None,
        proposal_id: str | None = None,
        key: str | None = None,
    ) -> Done[Operator]:
        """Make an operator an administrator with exactly these permissions (art. 11). It always takes two persons.

        The first call proposes, the same call by another person with `proposal_id` does it: another administrator, or
        an officer of the depository.
        """
        asked = {"operator": operator_id, "permissions": sorted(permissions), "version": expected_version}

        async def work(act: Act) -> Done[Operator]:
            operator = await self._book.get(act, operator_id, expected_version)
            participant = await self._book.get_participant(act, operator.participant_id)
            ensure_active(participant)
            wanted, granted = (
                parse_permissions(permissions, "permissions"),
                permissions_of(granted_services(participant)),
            )
            ensure_within(wanted, OperatorRole.ADMINISTRATOR, granted, "permissions")
            changed = appointed(operator, wanted, appointed_by=act.caller.id)
            content: dict[str, object] = {"before": [*operator.permissions], "after": [*wanted], "from": operator.role}
            action = Action.APPOINT_ADMINISTRATOR
            if proposal_id is not None:
                content["proposal"] = (await act.confirm(proposal_id, action, operator.id)).id
            elif act.caller.kind is not CallerKind.SYSTEM:
                proposal = await act.propose(action, operator.id, participant.id)
                content["proposal"] = proposal.id
                record = await act.record("operator.appointment.proposed", operator.id, participant.id, content)
                return Done(operator, record, proposal)
            await self._book.participants.touch_roster(act.session, participant.id)
            return await self._book.keep(act, changed, "operator.appointed", content)

        action = Action.APPOINT_ADMINISTRATOR
        return await self._acts.perform(caller, action, OPERATOR_CODEC, work, given=asked, key=key)
