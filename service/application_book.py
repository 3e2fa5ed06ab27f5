"""Where applications are kept: drawn up, handed in, changed, each change recorded in the act's transaction."""

from collections.abc import Mapping
from datetime import date

from service.access import may_see
from service.acts import Act, Done
from service.applications import (
    Application,
    ApplicationStatus,
    ApplicationType,
    FirstAdministrator,
    Material,
    lapsed,
    submitted,
)
from service.clock import business_date
from service.identifiers import Kind
from service.participants import Information, Participant
from service.records import Record
from service.refusals import RefusalCode, refuse
from service.storage.applications import ApplicationStore
from service.storage.participants import ParticipantStore


class ApplicationBook:
    """Asks no policy: whoever acts has been permitted."""

    def __init__(self, applications: ApplicationStore, participants: ParticipantStore) -> None:
        self.applications = applications
        self.participants = participants

    async def get(self, act: Act, application_id: str, expected_version: int | None) -> Application:
        """Raises Refused for none, for another participant's (exactly as for none), and for another version."""
        application = await self.applications.find(application_id, act.session)
        if application is None or not may_see(act.caller, application.participant_id):
            raise refuse(RefusalCode.APPLICATION_NOT_FOUND, "applicationId")
        act.ensure_version(application.version, expected_version)
        return application

    async def get_participant(self, act: Act, participant_id: str, expected_version: int | None = None) -> Participant:
        """Raises Refused for none, for another participant (exactly as for none), and for another version."""
        participant = await self.participants.find(participant_id, act.session)
        if participant is None or not may_see(act.caller, participant_id):
            raise refuse(RefusalCode.PARTICIPANT_NOT_FOUND, "participantId")
        act.ensure_version(participant.version, expected_version)
        return participant

    def draw_up(
        self,
        act: Act,
        kind: ApplicationType,
        participant_id: str,
        *,
        applicant_uscc: str,
        before: Information | None = None,
        after: Information | None = None,
        administrator: FirstAdministrator | None = None,
        materials: tuple[Material, ...],
        truth_declared: bool,
        reason: str | None = None,
        effective_from: date | None = None,
    ) -> Application:
        """A draft, not kept yet."""
        return Application(
            id=act.new_id(Kind.APPLICATION),
            version=1,
            type=kind,
            status=ApplicationStatus.DRAFT,
            participant_id=participant_id,
            applicant_uscc=applicant_uscc,
            before=before,
            after=after,
            administrator=administrator,
            materials=materials,
            truth_declared=truth_declared,
            reason=reason,
            effective_from=effective_from,
            created_at=act.at,
            created_by=act.caller.id,
        )

    async def hand_in(self, act: Act, application: Application) -> Done[Application]:
        """Submit a new one. Raises Refused while the participant has another that is not decided."""
        if await self.applications.find_pending(application.participant_id, act.session):
            raise refuse(RefusalCode.APPLICATION_PENDING, "participantId")
        handed_in = submitted(application, by=act.caller, at=act.at, today=business_date(act.at))
        return await self.insert(act, handed_in)

    async def lapse_pending(self, act: Act, participant_id: str) -> dict[str, object]:
        """Settle what a participant that is terminated applied for; answers the id, for the record."""
        pending = await self.applications.find_pending(participant_id, act.session)
        if pending is None:
            return {"application": None}
        done = await self.keep(act, lapsed(pending), "application.lapsed", {})
        return {"application": done.subject.id}

    async def insert(self, act: Act, application: Application) -> Done[Application]:
        await self.applications.insert(act.session, application)
        return Done(application, await self._record(act, application, f"application.{application.status.lower()}", {}))

    async def keep(self, act: Act, changed: Application, kind: str, content: Mapping[str, object]) -> Done[Application]:
        saved = await self.applications.replace(act.session, changed)
        return Done(saved, await self._record(act, saved, kind, content))

    async def _record(self, act: Act, application: Application, kind: str, content: Mapping[str, object]) -> Record:
        said = {
            "type": application.type,
            "applicant": application.applicant_uscc,
            "materials": [material.sha256 for material in application.materials],
            "truthDeclared": application.truth_declared,
            **content,
        }
        return await act.record(kind, application.id, application.participant_id, said)
