"""Reminding: each certificate once at each tier, whoever is up, with a record and the SMS that are subscribed."""

import functools
from collections.abc import Sequence
from datetime import datetime, timedelta

from service.access import SYSTEM, Caller, OperatorRole, may_see
from service.acts import Act, Acts, Done
from service.certificates import Certificate
from service.identifiers import Kind
from service.operators import Operator, OperatorStatus, SmsTopic
from service.outbox import addressed
from service.personal_data import PersonalData
from service.policy import Action
from service.refusals import RefusalCode, refuse
from service.reminders import Audience, Reminder, acknowledged, audience_of, message_text, tier_of
from service.storage.certificates import CertificateStore
from service.storage.operators import OperatorStore
from service.storage.outbox import OutboxStore
from service.storage.reminders import REMINDER_CODEC, AlreadyReminded, ReminderStore
from service.world import World

_BATCH = 200
_LOOK_BACK = timedelta(days=30)  # how long after its end an expired certificate is still looked at
_MOST_ADMINISTRATORS = 100


class ReminderService:
    def __init__(
        self,
        world: World,
        acts: Acts,
        *,
        reminders: ReminderStore,
        certificates: CertificateStore,
        operators: OperatorStore,
        outbox: OutboxStore,
        personal_data: PersonalData,
        tiers: Sequence[int],
    ) -> None:
        self._world = world
        self._acts = acts
        self._reminders = reminders
        self._certificates = certificates
        self._operators = operators
        self._outbox = outbox
        self._personal_data = personal_data
        self._tiers = tuple(tiers)

    async def remind_due(self) -> int:
        """Remind of every certificate that has reached a new tier; answers how many. For a job, in any number of
        processes.
        """
        now, count = self._acts.now(SYSTEM), 0
        until = now + timedelta(days=max(self._tiers) + 1)
        after: tuple[datetime, str] | None = None
        while batch := await self._reminders.ending(now - _LOOK_BACK, until, after, _BATCH):
            after = (batch[-1].not_after, batch[-1].id)
            known = await self._reminders.of_certificates([each.id for each in batch])
            for certificate in batch:
                tier = tier_of(certificate, now, self._tiers)
                if tier is not None and all(each.tier != tier for each in known.get(certificate.id, ())):
                    count += await self._remind(certificate.id)
        return count

    async def _remind(self, certificate_id: str) -> int:
        try:
            return await self._acts.follow(SYSTEM, functools.partial(self._remind_in, certificate_id))
        except AlreadyReminded:
            return 0

    async def _remind_in(self, certificate_id: str, act: Act) -> int:
        """The certificate is looked at again: it may have been superseded since."""
        certificate = await self._certificates.find(certificate_id, act.session)
        tier = tier_of(certificate, act.at, self._tiers) if certificate else None
        if certificate is None or tier is None:
            return 0
        reminder = Reminder(
            id=act.new_id(Kind.REMINDER),
            version=1,
            certificate_id=certificate.id,
            tier=tier,
            audience=audience_of(certificate, tier),
            not_after=certificate.not_after,
            participant_id=certificate.participant_id,
            operator_id=certificate.operator_id,
            registrar_id=certificate.registrar_id,
            reminded_at=act.at,
        )
        await self._reminders.insert_once(act.session, reminder)
        content = {"certificate": certificate.id, "tier": tier, "audience": list(reminder.audience)}
        await act.record("certificate.reminded", reminder.id, certificate.participant_id, content)
        await self._send(act, certificate, reminder)
        return 1

    async def _send(self, act: Act, certificate: Certificate, reminder: Reminder) -> None:
        text = message_text(certificate, reminder.tier, self._world.notice)
        for operator in await self._told(act, reminder):
            message = addressed(
                self._personal_data,
                operator,
                SmsTopic.CERTIFICATE_EXPIRY,
                message_id=act.new_id(Kind.MESSAGE),
                key=f"{reminder.id}/{operator.id}",
                text=text,
                at=act.at,
            )
            if message is not None:
                await self._outbox.insert(act.session, message)

    async def _told(self, act: Act, reminder: Reminder) -> list[Operator]:
        """The operators who are to hear of it, each once. Registrars see it on the platform."""
        if reminder.operator_id is None or reminder.participant_id is None:
            return []
        holder = await self._operators.find(reminder.operator_id, act.session)
        told = {holder.id: holder} if holder else {}
        if Audience.ADMINISTRATOR in reminder.audience:
            query = {
                "participantId": reminder.participant_id,
                "status": OperatorStatus.ACTIVE.value,
                "role": OperatorRole.ADMINISTRATOR.value,
            }
            found = await self._operators.list_by(query, _MOST_ADMINISTRATORS, act.session)
            told |= {each.id: each for each in found}
        return [each for each in told.values() if each.status is OperatorStatus.ACTIVE]

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[Reminder | None]:
        """In the order of `ids`; None for what is not there, or not for this caller to see."""
        await self._acts.permit(caller, Action.READ_CERTIFICATE)
        found = await self._reminders.get_many(ids)
        return [each if each and may_see(caller, each.participant_id or "") else None for each in found]

    async def of_certificates(self, caller: Caller, certificate_ids: Sequence[str]) -> list[list[Reminder]]:
        """Those of each certificate that the caller may see, in the order of the certificates' ids."""
        await self._acts.permit(caller, Action.READ_CERTIFICATE)
        found = await self._reminders.of_certificates(certificate_ids)
        return [
            [reminder for reminder in found.get(each, []) if may_see(caller, reminder.participant_id or "")]
            for each in certificate_ids
        ]

    async def acknowledge(self, caller: Caller, reminder_id: str, *, key: str | None = None) -> Done[Reminder]:
        """Say that it was seen. Said again, there is nothing left to do."""

        async def work(act: Act) -> Done[Reminder]:
            reminder = await self._reminders.find(reminder_id, act.session)
            if reminder is None or not may_see(act.caller, reminder.participant_id or ""):
                raise refuse(RefusalCode.REMINDER_NOT_FOUND, "reminderId")
            if reminder.acknowledged_at is not None:
                return Done(reminder, None)
            saved = await self._reminders.replace(act.session, acknowledged(reminder, act.caller.id, act.at))
            content = {"certificate": saved.certificate_id, "tier": saved.tier}
            record = await act.record("certificate.reminder.acknowledged", saved.id, saved.participant_id, content)
            return Done(saved, record)

        asked = {"reminder": reminder_id}
        return await self._acts.perform(caller, Action.ACKNOWLEDGE_REMINDER, REMINDER_CODEC, work, given=asked, key=key)
