"""Subscriptions to SMS notices (短信通知, art. 11): one's own to make, an administrator's to end."""

from service import institution_numbers as numbers
from service.access import Caller, OperatorRole
from service.acts import Act, Acts, Done
from service.operator_book import OperatorBook
from service.operators import Operator, SmsTopic, subscribed, unsubscribed
from service.personal_data import Datum, PersonalData, Place
from service.policy import Action
from service.refusals import RefusalCode, refuse
from service.registration import telephone_place
from service.storage.operators import OPERATOR_CODEC, OperatorStore
from service.storage.participants import ParticipantStore


class SmsService:
    def __init__(
        self, acts: Acts, operators: OperatorStore, participants: ParticipantStore, personal_data: PersonalData
    ) -> None:
        self._acts = acts
        self._book = OperatorBook(operators, participants)
        self._personal_data = personal_data

    async def subscribe(
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
            operator = await self._book.get(act, operator_id, expected_version)
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
            return await self._book.keep(act, changed, "operator.sms.subscribed", {"topic": topic.value})

        asked = {
            "operator": operator_id,
            "topic": topic.value,
            "telephone": telephone,
            "version": expected_version,
        }
        return await self._acts.perform(caller, Action.SUBSCRIBE_SMS, OPERATOR_CODEC, work, given=asked, key=key)

    async def unsubscribe(
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
            operator = await self._book.get(act, operator_id, expected_version)
            if act.caller.id != operator.id and act.caller.role is not OperatorRole.ADMINISTRATOR:
                raise refuse(RefusalCode.SMS_NOT_OWN, "operatorId")
            changed = unsubscribed(operator, topic, act.at)
            return await self._book.keep(act, changed, "operator.sms.unsubscribed", {"topic": topic.value})

        asked = {"operator": operator_id, "topic": topic.value, "version": expected_version}
        return await self._acts.perform(caller, Action.UNSUBSCRIBE_SMS, OPERATOR_CODEC, work, given=asked, key=key)
