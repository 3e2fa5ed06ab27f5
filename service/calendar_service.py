"""Giving out and withdrawing the address of a participant's calendar, and reading it by that address."""

from collections.abc import Sequence
from datetime import timedelta

from service.access import SYSTEM, Caller, may_see
from service.acts import Act, Acts, Done
from service.calendars import Calendar, calendar_text, is_answered, is_token, token_of, withdrawn
from service.certificates import SEATED
from service.identifiers import Kind
from service.pagination import PageRequest
from service.personal_data import PersonalData
from service.policy import Action
from service.refusals import RefusalCode, refuse
from service.storage.calendars import CALENDAR_CODEC, CalendarStore
from service.storage.certificates import BY_EXPIRY, CertificateFilter, CertificateStore, certificate_query
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore
from service.world import World

CALENDAR_PATH = "/calendar"
_MOST_EVENTS = 1_000
_PAST = timedelta(days=60)


class CalendarService:
    def __init__(
        self,
        world: World,
        acts: Acts,
        *,
        calendars: CalendarStore,
        certificates: CertificateStore,
        participants: ParticipantStore,
        operators: OperatorStore,
        personal_data: PersonalData,
        base_url: str,
    ) -> None:
        self._world = world
        self._acts = acts
        self._calendars = calendars
        self._certificates = certificates
        self._participants = participants
        self._operators = operators
        self._personal_data = personal_data
        self._base_url = base_url

    async def give_out(self, caller: Caller, participant_id: str, *, key: str | None = None) -> Done[Calendar]:
        """A new address for the participant; the ones before are withdrawn."""

        async def work(act: Act) -> Done[Calendar]:
            if not may_see(act.caller, participant_id):
                raise refuse(RefusalCode.PARTICIPANT_NOT_FOUND, "participantId")
            for former in await self._calendars.of_participant(participant_id, act.session):
                if former.withdrawn_at is None:
                    await self._calendars.replace(act.session, withdrawn(former, act.at))
            fresh = Calendar(
                id=act.new_id(Kind.CALENDAR),
                version=1,
                participant_id=participant_id,
                given_out_by=act.caller.id,
                created_at=act.at,
            )
            await self._calendars.insert(act.session, fresh)
            return Done(fresh, await act.record("calendar.given_out", fresh.id, participant_id, {}))

        asked = {"participant": participant_id}
        return await self._acts.perform(caller, Action.KEEP_CALENDAR, CALENDAR_CODEC, work, given=asked, key=key)

    async def withdraw(self, caller: Caller, calendar_id: str, *, key: str | None = None) -> Done[Calendar]:
        """The address answers no more. Withdrawn again, there is nothing left to do."""

        async def work(act: Act) -> Done[Calendar]:
            found = await self._calendars.find(calendar_id, act.session)
            if found is None or not may_see(act.caller, found.participant_id):
                raise refuse(RefusalCode.CALENDAR_NOT_FOUND, "calendarId")
            if found.withdrawn_at is not None:
                return Done(found, None)
            saved = await self._calendars.replace(act.session, withdrawn(found, act.at))
            return Done(saved, await act.record("calendar.withdrawn", saved.id, saved.participant_id, {}))

        asked = {"calendar": calendar_id}
        return await self._acts.perform(caller, Action.KEEP_CALENDAR, CALENDAR_CODEC, work, given=asked, key=key)

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[Calendar | None]:
        """In the order of `ids`; None for what is not there, or not for this caller to see."""
        await self._acts.permit(caller, Action.KEEP_CALENDAR)
        found = await self._calendars.get_many(ids)
        return [each if each and may_see(caller, each.participant_id) else None for each in found]

    def url_of(self, calendar: Calendar) -> str | None:
        """The whole address, secret and all; None once it is withdrawn. For those who may keep the calendar."""
        if calendar.withdrawn_at is not None:
            return None
        return f"{self._base_url}{CALENDAR_PATH}/{token_of(calendar, self._personal_data)}.ics"

    async def find_text(self, token: str) -> str | None:
        """The feed at an address, as it is now; None for one that was never given out, or is withdrawn.

        Nor is it answered while its participant, or who gave it out, is not let in.
        """
        calendar = await self._calendars.find(token.partition(".")[0])
        if calendar is None or not is_token(token, calendar, self._personal_data):
            return None
        participant = await self._participants.find(calendar.participant_id)
        giver = await self._operators.find(calendar.given_out_by or "")
        if participant is None or giver is None or not is_answered(participant, giver):
            return None
        now = self._acts.now(SYSTEM)
        wanted = CertificateFilter(participant_id=calendar.participant_id, expires_from=now - _PAST)
        query = certificate_query(wanted, None, now) | {"state": {"$in": [state.value for state in SEATED]}}
        page = await self._certificates.page(PageRequest(BY_EXPIRY, _MOST_EVENTS), query)
        return calendar_text(self._world, participant.participant_code, page.items, now)
