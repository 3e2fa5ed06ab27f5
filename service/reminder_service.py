"""Reminding: each certificate once at each tier, whoever is up, with a record and the SMS that are subscribed."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from service.access import SYSTEM, Caller, OperatorRole, may_see
from service.acts import Act, Acts, Done
from service.certificates import Certificate
from service.identifiers import Kind
from service.operators import Operator, OperatorStatus, SmsTopic
from service.outbox import Message, addressed
from service.personal_data import PersonalData
from service.policy import Action
from service.records import Entry
from service.refusals import RefusalCode, refuse
from service.reminders import (
    AFTER,
    Audience,
    Reminder,
    acknowledged,
    audience_of,
    ends_reaching,
    message_text,
    reached_at,
    tier_of,
)
from service.storage.certificates import CertificateStore
from service.storage.operators import OperatorStore
from service.storage.outbox import OutboxStore
from service.storage.reminders import REMINDER_CODEC, AlreadyReminded, ReminderStore
from service.world import World

_BATCH = 200
_ATTEMPTS = 5  # at certificates that other processes remind of at the same time
_LOOK_BACK = timedelta(days=30)  # how long after its end an expired certificate is still looked at
_MOST_ADMINISTRATORS = 1000  # those who left included


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

    async def remind_due(self, participant_id: str | None = None, *, since: datetime | None = None) -> int:
        """Remind of every certificate that has reached a new tier, by its participant's time; answers how many.

        For a job, in any number of processes. With a participant, of its certificates alone; with `since`, of those of
        them alone that have reached one since then, which costs what they are and not what there are.
        """
        now, count = self._acts.now(_system(participant_id)), 0
        if participant_id is not None and since is not None:
            reached = list(await self._reached(participant_id, since, now))
            for start in range(0, len(reached), _BATCH):
                count += await self._remind(participant_id, reached[start : start + _BATCH])
            return count
        until = now + timedelta(days=max(self._tiers) + 1)
        after: tuple[datetime, str] | None = None
        while batch := await self._reminders.ending(now - _LOOK_BACK, until, after, _BATCH, participant_id):
            after = (batch[-1].not_after, batch[-1].id)
            for whose, ids in (await self._due(batch)).items():
                count += await self._remind(whose, ids)
        return count

    async def reminders_fall(self, participant_id: str, after: datetime, until: datetime) -> Sequence[datetime]:
        """When a participant's certificates will reach a tier: there is something for `remind_due` to do then."""
        ends = set((await self._reached(participant_id, after, until)).values())
        fall = (reached_at(end, tier) for end in ends for tier in (*self._tiers, AFTER))
        return sorted({moment for moment in fall if after < moment <= until})

    async def _reached(self, participant_id: str, after: datetime, until: datetime) -> dict[str, datetime]:
        """The ends of certificates that reach any tier in this time, by their ids."""
        bounds = (ends_reaching(tier, after, until) for tier in (*self._tiers, AFTER))
        return await self._reminders.ends_within(participant_id, bounds)

    async def _due(self, certificates: Sequence[Certificate]) -> dict[str | None, list[str]]:
        """The ids of those to remind of, by participant: as far as can be seen before a transaction."""
        known = await self._reminders.tiers_of([each.id for each in certificates])
        due: dict[str | None, list[str]] = {}
        for each in certificates:
            tier = tier_of(each, self._acts.now(_system(each.participant_id)), self._tiers)
            if tier is not None and (each.id, tier) not in known:
                due.setdefault(each.participant_id, []).append(each.id)
        return due

    async def _remind(self, participant_id: str | None, certificate_ids: Sequence[str]) -> int:
        """Of certificates of one participant, in one transaction."""
        for _ in range(_ATTEMPTS):
            try:
                work = functools.partial(self._remind_in, certificate_ids)
                return await self._acts.follow(_system(participant_id), work)
            except AlreadyReminded:
                continue  # another process is at them too: look which are left
        return 0

    async def _remind_in(self, certificate_ids: Sequence[str], act: Act) -> int:
        """The certificates are looked at again: one may have been reminded of, or superseded, since."""
        known = await self._reminders.tiers_of(certificate_ids, act.session)
        due = []
        for certificate in await self._certificates.get_many(certificate_ids, act.session):
            tier = tier_of(certificate, act.at, self._tiers) if certificate else None
            if certificate is not None and tier is not None and (certificate.id, tier) not in known:
                due.append((certificate, _reminder(act, certificate, tier)))
        if not due:
            return 0
        await self._reminders.insert_once(act.session, [reminder for _, reminder in due])
        said = [
            Entry(each.id, {"certificate": each.certificate_id, "tier": each.tier, "audience": list(each.audience)})
            for _, each in due
        ]
        await act.record_many("certificate.reminded", act.caller.participant_id, said)
        await self._send(act, due)
        return len(due)

    async def _send(self, act: Act, due: Sequence[tuple[Certificate, Reminder]]) -> None:
        """Registrars see it on the platform; operators who subscribed get an SMS, each once for a certificate."""
        holders, administrators = await self._told(act, [reminder for _, reminder in due])
        messages = []
        for certificate, reminder in due:
            holder = holders.get(reminder.operator_id or "")
            told = {holder.id: holder} if holder else {}
            if Audience.ADMINISTRATOR in reminder.audience:
                told |= administrators
            text = message_text(certificate, reminder.tier, self._world.notice)
            messages += [self._message(act, each, reminder, text) for each in told.values()]
        await self._outbox.insert_many(act.session, [each for each in messages if each is not None])

    async def _told(self, act: Act, reminders: Sequence[Reminder]) -> tuple[dict[str, Operator], dict[str, Operator]]:
        """The operators who hold what is reminded of, and the administrators who hear of it with them: active ones."""
        ids = sorted({each.operator_id for each in reminders if each.operator_id})
        holders = await self._operators.get_many(ids, act.session) if ids else []
        administrators: list[Operator] = []
        if ids and any(Audience.ADMINISTRATOR in each.audience for each in reminders):
            query = {"participantId": act.caller.participant_id, "role": OperatorRole.ADMINISTRATOR.value}
            administrators = await self._operators.list_by(query, _MOST_ADMINISTRATORS, act.session)
        return _active(holders), _active(administrators)

    def _message(self, act: Act, operator: Operator, reminder: Reminder, text: str) -> Message | None:
        return addressed(
            self._personal_data,
            operator,
            SmsTopic.CERTIFICATE_EXPIRY,
            message_id=act.new_id(Kind.MESSAGE),
            key=f"{reminder.id}/{operator.id}",
            text=text,
            at=act.at,
        )

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


def _system(participant_id: str | None) -> Caller:
    """The system, in a participant's own time."""
    return replace(SYSTEM, participant_id=participant_id)


def _active(operators: Sequence[Operator | None]) -> dict[str, Operator]:
    return {each.id: each for each in operators if each and each.status is OperatorStatus.ACTIVE}


def _reminder(act: Act, certificate: Certificate, tier: int) -> Reminder:
    return Reminder(
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
