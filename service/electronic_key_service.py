"""The acts on electronic keys (art. 13): given out, put to use, locked, lost, damaged, returned. Each is a record."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service import institution_numbers as numbers
from service.access import Caller, may_see, own_participant
from service.acts import Act, Acts, Done
from service.electronic_key_loss import hold_all_on
from service.electronic_keys import ElectronicKey, ElectronicKeyCommand, ElectronicKeyStatus, moved_on, parse_serial
from service.identifiers import Kind
from service.operators import OperatorStatus
from service.pagination import Page, PageRequest
from service.policy import Action
from service.refusals import RefusalCode, refuse
from service.storage.certificates import CertificateStore
from service.storage.electronic_keys import ELECTRONIC_KEY_CODEC, ElectronicKeyStore
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore


@dataclass(frozen=True, slots=True)
class ElectronicKeyInput:
    serial: str
    model: str
    participant_id: str


class ElectronicKeyService:
    def __init__(
        self,
        acts: Acts,
        *,
        electronic_keys: ElectronicKeyStore,
        certificates: CertificateStore,
        operators: OperatorStore,
        participants: ParticipantStore,
    ) -> None:
        self._acts = acts
        self._electronic_keys = electronic_keys
        self._certificates = certificates
        self._operators = operators
        self._participants = participants

    async def register(
        self, caller: Caller, given: ElectronicKeyInput, *, key: str | None = None
    ) -> Done[ElectronicKey]:
        """Given out to a participant."""

        async def work(act: Act) -> Done[ElectronicKey]:
            serial = parse_serial(given.serial, "serial")
            model = numbers.parse_name(given.model, "model")
            if await self._participants.find(given.participant_id, act.session) is None:
                raise refuse(RefusalCode.PARTICIPANT_NOT_FOUND, "participantId")
            if await self._electronic_keys.find_by_serial(serial, act.session):
                raise refuse(RefusalCode.ELECTRONIC_KEY_SERIAL_TAKEN, "serial", found=serial)
            fresh = ElectronicKey(
                id=act.new_id(Kind.ELECTRONIC_KEY),
                version=1,
                serial=serial,
                model=model,
                participant_id=given.participant_id,
                status=ElectronicKeyStatus.ISSUED,
                issued_at=act.at,
                changed_at=act.at,
            )
            await self._electronic_keys.insert(act.session, fresh)
            content = {"serial": serial, "model": model}
            return Done(fresh, await act.record("electronic_key.issued", fresh.id, fresh.participant_id, content))

        asked = {"serial": given.serial, "model": given.model, "participant": given.participant_id}
        return await self._acts.perform(
            caller, Action.REGISTER_ELECTRONIC_KEY, ELECTRONIC_KEY_CODEC, work, given=asked, key=key
        )

    async def change(
        self,
        caller: Caller,
        electronic_key_id: str,
        command: ElectronicKeyCommand,
        *,
        operator_id: str | None = None,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[ElectronicKey]:
        """What befell it. USE names who holds it now. LOSE holds every certificate on it at once (art. 13)."""

        async def work(act: Act) -> Done[ElectronicKey]:
            found = await self._electronic_keys.find(electronic_key_id, act.session)
            if found is None or not may_see(act.caller, found.participant_id):
                raise refuse(RefusalCode.ELECTRONIC_KEY_NOT_FOUND, "electronicKeyId")
            act.ensure_version(found.version, expected_version)
            changed = moved_on(found, command, act.at)
            if command is ElectronicKeyCommand.USE:
                changed = replace(changed, operator_id=await self._user(act, changed, operator_id))
            content: dict[str, object] = {"serial": found.serial, "before": found.status, "after": changed.status}
            if command is ElectronicKeyCommand.LOSE:
                content["held"] = [each.id for each in await hold_all_on(act, self._certificates, changed)]
            saved = await self._electronic_keys.replace(act.session, changed)
            kind = f"electronic_key.{changed.status.value.lower()}"
            return Done(saved, await act.record(kind, saved.id, saved.participant_id, content))

        asked = {
            "electronicKey": electronic_key_id,
            "command": command.value,
            "operator": operator_id,
            "version": expected_version,
        }
        return await self._acts.perform(
            caller, Action.CHANGE_ELECTRONIC_KEY, ELECTRONIC_KEY_CODEC, work, given=asked, key=key
        )

    async def _user(self, act: Act, electronic_key: ElectronicKey, operator_id: str | None) -> str:
        operator = await self._operators.find(operator_id, act.session) if operator_id else None
        if operator is None or operator.participant_id != electronic_key.participant_id:
            raise refuse(RefusalCode.OPERATOR_NOT_FOUND, "operatorId")
        if operator.status is not OperatorStatus.ACTIVE:
            raise refuse(RefusalCode.OPERATOR_STATE, "operatorId", status=operator.status.value, command="USE")
        return operator.id

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[ElectronicKey | None]:
        """In the order of `ids`; None for what is not there, or not for this caller to see."""
        await self._acts.permit(caller, Action.READ_ELECTRONIC_KEY)
        found = await self._electronic_keys.get_many(ids)
        return [each if each and may_see(caller, each.participant_id) else None for each in found]

    async def page(self, caller: Caller, participant_id: str | None, request: PageRequest) -> Page[ElectronicKey]:
        await self._acts.permit(caller, Action.READ_ELECTRONIC_KEY)
        return await self._electronic_keys.page(request, _asked(caller, participant_id))

    async def count(self, caller: Caller, participant_id: str | None) -> int:
        await self._acts.permit(caller, Action.READ_ELECTRONIC_KEY)
        return await self._electronic_keys.count(_asked(caller, participant_id))


def _asked(caller: Caller, participant_id: str | None) -> dict[str, object]:
    only = own_participant(caller)
    if only is not None and participant_id not in {None, only}:
        return {"participantId": {"$in": []}}
    wanted = only or participant_id
    return {"participantId": wanted} if wanted else {}
