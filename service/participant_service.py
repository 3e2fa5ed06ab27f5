"""The depository's acts on participants: suspend, resume, terminate, grant, withdraw, take note (art. 9, 19, 20)."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.access import (
    Caller,
    CallerKind,
    Service,
    may_see,
    own_participant,
)
from service.acts import Act, Acts, Done
from service.application_book import ApplicationBook
from service.clock import business_date
from service.endings import CertificateEndings, end_all_access, narrow_operators
from service.identifiers import Kind
from service.operators import OffboardReason
from service.pagination import Page, PageRequest
from service.participants import (
    Contact,
    Participant,
    granted_services,
    resumed,
    suspended,
    terminated,
    with_qualification,
    with_service,
    without_service,
)
from service.personal_data import Datum, PersonalData
from service.policy import Action
from service.qualifications import Qualification, QualificationInput, QualificationStatus
from service.refusals import RefusalCode, refuse
from service.registration import contact_place
from service.sanctions import Decision
from service.storage.applications import ApplicationStore
from service.storage.operators import OperatorStore
from service.storage.participants import PARTICIPANT_CODEC, ParticipantFilter, ParticipantStore, participant_query
from service.storage.tasks import TaskStore
from service.tasks import Task, TaskKind, TaskStatus


@dataclass(frozen=True, slots=True)
class ContactInClear:
    """A contact as those read it who need to reach it."""

    name: str
    telephone: str
    email: str | None

    def __repr__(self) -> str:
        return "ContactInClear(...)"


class ParticipantService:
    def __init__(
        self,
        acts: Acts,
        *,
        participants: ParticipantStore,
        operators: OperatorStore,
        tasks: TaskStore,
        applications: ApplicationStore,
        certificates: CertificateEndings,
        personal_data: PersonalData,
    ) -> None:
        self._acts = acts
        self._participants = participants
        self._operators = operators
        self._tasks = tasks
        self._book = ApplicationBook(applications, participants)
        self._certificates = certificates
        self._personal_data = personal_data

    async def find(self, caller: Caller, participant_id: str) -> Participant | None:
        return (await self.get_many(caller, [participant_id]))[0]

    async def find_by_code(self, caller: Caller, code: str) -> Participant | None:
        await self._acts.permit(caller, Action.READ_PARTICIPANT)
        found = await self._participants.find_by_code(code)
        return found if found and may_see(caller, found.id) else None

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[Participant | None]:
        """In the order of `ids`; None for what is not there, or not for this caller to see."""
        await self._acts.permit(caller, Action.READ_PARTICIPANT)
        visible = [each for each in ids if may_see(caller, each)]
        found = dict(zip(visible, await self._participants.get_many(visible), strict=True))
        return [found.get(each) for each in ids]

    async def services_of(self, caller: Caller) -> frozenset[Service]:
        """What is granted to the participant for which the caller acts: whoever acts for it may know that."""
        found = await self._participants.find(caller.participant_id) if caller.participant_id else None
        return granted_services(found) if found else frozenset()

    async def page(self, caller: Caller, wanted: ParticipantFilter, request: PageRequest) -> Page[Participant]:
        """Those that the filter asks for and the caller may see. Raises BadInput for a text of no use."""
        await self._acts.permit(caller, Action.READ_PARTICIPANT)
        return await self._participants.page(request, participant_query(wanted, own_participant(caller)))

    async def count(self, caller: Caller, wanted: ParticipantFilter) -> int:
        await self._acts.permit(caller, Action.READ_PARTICIPANT)
        return await self._participants.count(participant_query(wanted, own_participant(caller)))

    async def suspend(
        self,
        caller: Caller,
        participant_id: str,
        decision: Decision,
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Participant]:
        """Art. 19. Nothing is taken away; nobody of the participant is let in until it is resumed."""
        _ensure_depository(caller)

        async def work(act: Act) -> Done[Participant]:
            participant = await self._participant(act, participant_id, expected_version)
            changed = suspended(participant, decision.sanction(_decider(act), act.at))
            return await self._keep(act, changed, "participant.suspended", decision.as_given())

        asked = {"participant": participant_id, "version": expected_version, **decision.as_given()}
        return await self._acts.perform(
            caller, Action.SUSPEND_PARTICIPANT, PARTICIPANT_CODEC, work, given=asked, key=key
        )

    async def resume(
        self,
        caller: Caller,
        participant_id: str,
        note: str = "",
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Participant]:
        """The depository's alone: a participant does not resume itself."""
        _ensure_depository(caller)

        async def work(act: Act) -> Done[Participant]:
            participant = await self._participant(act, participant_id, expected_version)
            return await self._keep(act, resumed(participant), "participant.resumed", {"note": note})

        asked = {"participant": participant_id, "version": expected_version, "note": note}
        return await self._acts.perform(
            caller, Action.RESUME_PARTICIPANT, PARTICIPANT_CODEC, work, given=asked, key=key
        )

    async def terminate(
        self,
        caller: Caller,
        participant_id: str,
        decision: Decision,
        *,
        expected_version: int | None = None,
        proposal_id: str | None = None,
        key: str | None = None,
    ) -> Done[Participant]:
        """Art. 19, 20: never automatic, and two persons' decision. Ends all access; keeps every record.

        What the participant applied for lapses, an application to close included.

        The first call proposes; the same call by another officer with `proposal_id` terminates.
        """
        _ensure_depository(caller)
        asked = {"participant": participant_id, "version": expected_version, **decision.as_given()}

        async def work(act: Act) -> Done[Participant]:
            action = Action.TERMINATE_PARTICIPANT
            participant = await self._participant(act, participant_id, expected_version)
            changed = terminated(participant, decision.sanction(_decider(act), act.at), act.at)
            content = decision.as_given()
            if proposal_id is None:
                proposal = await act.propose(action, participant.id, participant.id)
                content["proposal"] = proposal.id
                record = await act.record("participant.termination.proposed", participant.id, participant.id, content)
                return Done(participant, record, proposal)
            content["proposal"] = (await act.confirm(proposal_id, action, participant.id)).id
            reason = OffboardReason.PARTICIPANT_TERMINATED
            content |= await self._book.lapse_pending(act, participant.id)
            content |= await end_all_access(act, self._operators, self._certificates, participant.id, reason)
            return await self._keep(act, changed, "participant.terminated", content)

        return await self._acts.perform(
            caller, Action.TERMINATE_PARTICIPANT, PARTICIPANT_CODEC, work, given=asked, key=key
        )

    async def grant_service(
        self,
        caller: Caller,
        participant_id: str,
        service: Service,
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Participant]:
        """Art. 9, 20: a service whose qualification the participant holds today."""

        async def work(act: Act) -> Done[Participant]:
            participant = await self._participant(act, participant_id, expected_version)
            today = business_date(act.at)
            changed = with_service(participant, service, officer=act.caller.id, at=act.at, today=today)
            return await self._keep(act, changed, "participant.service.granted", {"service": service.value})

        asked = {"participant": participant_id, "version": expected_version, "service": service.value}
        return await self._acts.perform(caller, Action.GRANT_SERVICE, PARTICIPANT_CODEC, work, given=asked, key=key)

    async def withdraw_service(
        self,
        caller: Caller,
        participant_id: str,
        service: Service,
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Participant]:
        """Takes with it, in the same transaction, what operators held of it."""

        async def work(act: Act) -> Done[Participant]:
            participant = await self._participant(act, participant_id, expected_version)
            changed = without_service(participant, service)
            content = {"service": service.value} | await narrow_operators(act, self._operators, changed)
            return await self._keep(act, changed, "participant.service.withdrawn", content)

        asked = {"participant": participant_id, "version": expected_version, "service": service.value}
        return await self._acts.perform(caller, Action.WITHDRAW_SERVICE, PARTICIPANT_CODEC, work, given=asked, key=key)

    async def record_qualification(
        self,
        caller: Caller,
        participant_id: str,
        given: QualificationInput,
        *,
        expected_version: int | None = None,
        key: str | None = None,
    ) -> Done[Participant]:
        """Art. 20. A lost qualification raises a task for the depository; it terminates and suspends nothing."""

        async def work(act: Act) -> Done[Participant]:
            participant = await self._participant(act, participant_id, expected_version)
            word = Qualification(
                given.type, given.status, given.since, given.until, given.reference.strip(), recorded_at=act.at
            )
            changed = with_qualification(participant, word)
            content: dict[str, object] = {"participant": participant_id, **said}
            if given.status is not QualificationStatus.VALID:
                task = await self._tasks.insert(act.session, _lost(act, participant, given))
                content["task"] = task.id
            return await self._keep(act, changed, "participant.qualification.recorded", content)

        said: dict[str, object] = {
            "type": given.type.value,
            "status": given.status.value,
            "since": given.since.isoformat(),
            "until": given.until.isoformat() if given.until else None,
            "reference": given.reference,
        }
        asked = {"participant": participant_id, "version": expected_version, **said}
        return await self._acts.perform(
            caller, Action.RECORD_QUALIFICATION, PARTICIPANT_CODEC, work, given=asked, key=key
        )

    async def reveal_contact(self, caller: Caller, participant: Participant, contact: Contact) -> ContactInClear | None:
        """A contact in clear, for callers who need it; Forbidden for the others. Callers see it masked."""
        await self._acts.permit(caller, Action.REVEAL_PERSONAL_DATA)
        if not may_see(caller, participant.id):
            return None

        def read(datum: Datum) -> str | None:
            sealed = {Datum.NAME: contact.name, Datum.TELEPHONE: contact.telephone, Datum.EMAIL: contact.email}[datum]
            place = contact_place(participant.id, contact.kind, datum)
            return self._personal_data.open(sealed, place) if sealed else None

        return ContactInClear(read(Datum.NAME) or "", read(Datum.TELEPHONE) or "", read(Datum.EMAIL))

    async def _participant(self, act: Act, participant_id: str, expected_version: int | None) -> Participant:
        participant = await self._participants.find(participant_id, act.session)
        if participant is None or not may_see(act.caller, participant_id):
            raise refuse(RefusalCode.PARTICIPANT_NOT_FOUND, "participantId")
        act.ensure_version(participant.version, expected_version)
        return participant

    async def _keep(self, act: Act, changed: Participant, kind: str, content: dict[str, object]) -> Done[Participant]:
        saved = await self._participants.replace(act.session, changed)
        return Done(saved, await act.record(kind, saved.id, saved.id, content))


def _ensure_depository(caller: Caller) -> None:
    """Raises Refused: a participant that tries is told by which article it cannot."""
    if caller.kind is CallerKind.OPERATOR:
        raise refuse(RefusalCode.DEPOSITORY_DECIDES, "participantId")


def _decider(act: Act) -> str:
    return act.caller.id or act.caller.kind.value


def _lost(act: Act, participant: Participant, given: QualificationInput) -> Task:
    return Task(
        id=act.new_id(Kind.TASK),
        version=1,
        kind=TaskKind.QUALIFICATION_LOST,
        status=TaskStatus.OPEN,
        participant_id=participant.id,
        reference=given.reference.strip(),
        raised_at=act.at,
    )
