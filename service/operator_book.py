"""Where operators are kept: got for an act, changed, each change recorded in the act's transaction."""

from collections.abc import Mapping

from service.access import may_see
from service.acts import Act, Done
from service.operators import Operator, is_active_administrator
from service.participants import Participant
from service.refusals import RefusalCode, refuse
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore


class OperatorBook:
    """Asks no policy: whoever acts has been permitted."""

    def __init__(self, operators: OperatorStore, participants: ParticipantStore) -> None:
        self.operators = operators
        self.participants = participants

    async def get(self, act: Act, operator_id: str, expected_version: int | None) -> Operator:
        """Raises Refused for none, for another participant's (exactly as for none), and for another version."""
        operator = await self.operators.find(operator_id, act.session)
        if operator is None or not may_see(act.caller, operator.participant_id):
            raise refuse(RefusalCode.OPERATOR_NOT_FOUND, "operatorId")
        act.ensure_version(operator.version, expected_version)
        return operator

    async def get_participant(self, act: Act, participant_id: str) -> Participant:
        """Raises Refused for none, and for another participant exactly as for none."""
        participant = await self.participants.find(participant_id, act.session)
        if participant is None or not may_see(act.caller, participant_id):
            raise refuse(RefusalCode.PARTICIPANT_NOT_FOUND, "participantId")
        return participant

    async def ensure_administered_without(self, act: Act, operator: Operator) -> None:
        """Raises Refused(LAST_ADMINISTRATOR) where nobody would be left to administer."""
        if not is_active_administrator(operator):
            return
        # Two administrators who remove each other at once must meet: one of them is tried again, and refused.
        await self.participants.touch_roster(act.session, operator.participant_id)
        if not await self.operators.count_other_administrators(act.session, operator):
            raise refuse(RefusalCode.LAST_ADMINISTRATOR, "operatorId")

    async def keep(self, act: Act, changed: Operator, kind: str, content: Mapping[str, object]) -> Done[Operator]:
        saved = await self.operators.replace(act.session, changed)
        return Done(saved, await act.record(kind, saved.id, saved.participant_id, content))
