"""The composition root: the one place that chooses implementations and wires them together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from service.acts import Acts
from service.agreements import AgreementService
from service.application_service import ApplicationService
from service.authority import Authority, open_authority, open_outside, read_blocked_keys
from service.calendar_service import CalendarService
from service.certificate_holders import CertificateHolders
from service.certificate_issuing import CertificateIssuing, CertificateTerms
from service.certificate_registration import CertificateRegistration
from service.certificate_requests import CertificateRequests
from service.certificate_service import CertificateService
from service.certificate_use import CertificateUse
from service.change_feeds import CertificateFeed, Feeds, OperatorFeed
from service.clock import Clock
from service.conformance import read_pinned_keys
from service.conformance_service import ConformanceService
from service.consent_service import ConsentService
from service.continued_use import ContinuedUse
from service.electronic_key_service import ElectronicKeyService
from service.expiry_gauges import ExpiryGauges
from service.http.metrics import Meter
from service.integrator import Integrator
from service.keys import SigningKeys
from service.leading import Leading
from service.log import LogService
from service.logins import Logins
from service.operator_review_service import OperatorReviewService
from service.operator_service import OperatorService
from service.outbox import Gateway, Outbox
from service.participant_service import ParticipantService
from service.permission_service import PermissionService
from service.personal_data import PersonalData
from service.proposal_service import ProposalService
from service.publications import PublicationService
from service.record_feed import RecordFeed
from service.records import Recorded, RecordService, tell_nobody
from service.registrar_service import RegistrarService
from service.reminder_service import ReminderService
from service.revocation_status import RevocationStatus
from service.settings import Settings, signing_keys
from service.sight import AS_IT_IS, Sight
from service.sms_file import FileGateway
from service.sms_service import SmsService
from service.storage.agreements import AgreementStore
from service.storage.applications import ApplicationStore
from service.storage.calendars import CalendarStore
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.certificates import CertificateStore
from service.storage.commands import CommandLatency
from service.storage.conformance import ConformanceStore
from service.storage.consents import ConsentStore
from service.storage.database import Database, Names, open_database
from service.storage.electronic_keys import ElectronicKeyStore
from service.storage.idempotency import IdempotencyStore
from service.storage.leases import LeaseStore
from service.storage.log import LogStore
from service.storage.operators import OperatorStore
from service.storage.outbox import OutboxStore
from service.storage.participants import ParticipantStore
from service.storage.proposals import ProposalStore
from service.storage.records import RecordStore
from service.storage.registrars import RegistrarStore
from service.storage.reminders import ReminderStore
from service.storage.revocations import RevocationStore
from service.storage.tasks import TaskStore
from service.storage.usage import UsageStore
from service.task_service import TaskService
from service.tokens import TokenService
from service.usage import Usage
from service.world import World


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a request may ask for: one service object a noun, all of one world."""

    world: World
    settings: Settings
    clock: Clock
    keys: SigningKeys
    authority: Authority | None
    database: Database
    agreements: AgreementService
    publications: PublicationService
    consents: ConsentService
    participants: ParticipantService
    applications: ApplicationService
    conformance: ConformanceService
    operators: OperatorService
    permissions: PermissionService
    sms: SmsService
    operator_reviews: OperatorReviewService
    certificates: CertificateService
    certificate_requests: CertificateRequests
    certificate_registration: CertificateRegistration
    certificate_issuing: CertificateIssuing
    certificate_use: CertificateUse
    revocation_status: RevocationStatus | None
    electronic_keys: ElectronicKeyService
    reminders: ReminderService
    reminding: Leading
    outbox: Outbox
    calendars: CalendarService
    expiry_gauges: ExpiryGauges
    registrars: RegistrarService
    tasks: TaskService
    proposals: ProposalService
    records: RecordService
    log: LogService
    tokens: TokenService
    usage: Usage
    integrator: Integrator
    feeds: Feeds


def services_over(
    database: Database,
    settings: Settings,
    clock: Clock,
    authority: Authority | None = None,
    *,
    sight: Sight = AS_IT_IS,
    recorded: Recorded = tell_nobody,
    records_clock: Clock | None = None,
) -> Services:
    """The services of the database's world, wired. Without an authority, all of them but issuing work.

    `sight` is how the rules see what is stored; `recorded` is told of each record as it is written.
    `records_clock` dates records where that is not `clock`: they say when something was done.
    """
    world, keys = database.world, signing_keys(settings)
    personal_data = PersonalData(world, settings.data_key.get_secret_value())
    participants, operators = ParticipantStore(database), OperatorStore(database)
    consents, applications = ConsentStore(database), ApplicationStore(database)
    certificates, kept_records = CertificateStore(database), RecordStore(database)
    tasks, proposals, registrars = TaskStore(database), ProposalStore(database), RegistrarStore(database)
    usage, log = Usage(UsageStore(database), operators), LogService(LogStore(database))
    records = RecordService(world, records_clock or clock, keys, kept_records, log, recorded)
    certificate_use = CertificateUse(database, clock, records, certificates)
    logins = Logins(certificates, operators, participants, registrars, sight)
    tokens = TokenService(
        world,
        clock,
        keys,
        issuer=settings.public_url,
        holders=logins,
        database=database,
        records=records,
        note_use=certificate_use.note,
    )
    acts = Acts(
        world,
        clock,
        database,
        records=records,
        kept_records=kept_records,
        entries=IdempotencyStore(database),
        proposals=proposals,
        usage=usage,
        use=ContinuedUse(consents, participants, sight),
        personal_data=personal_data,
        readmit=logins.readmit,
        forget_logins=tokens.forget,
        sight=sight,
    )
    holders, certificate_keys = CertificateHolders(operators, participants, registrars), CertificateKeyStore(database)
    terms = certificate_terms(settings)
    issuing = CertificateIssuing(
        world,
        acts,
        authority,
        certificates=certificates,
        keys=certificate_keys,
        holders=holders,
        terms=terms,
    )
    electronic_keys, messages = ElectronicKeyStore(database), OutboxStore(database)
    texts = AgreementStore(database)
    agreements = AgreementService(world, clock, texts)
    conformance = ConformanceService(
        world,
        acts,
        checks=ConformanceStore(database),
        keys=certificate_keys,
        pinned=read_pinned_keys(settings.conformance_keys_file) if settings.conformance_keys_file else None,
    )
    return Services(
        world=world,
        settings=settings,
        clock=clock,
        keys=keys,
        authority=authority,
        database=database,
        agreements=agreements,
        publications=PublicationService(
            acts, texts=agreements, agreements=texts, consents=consents, participants=participants
        ),
        consents=ConsentService(
            acts, consents=consents, agreements=texts, participants=participants, tasks=tasks, sight=sight
        ),
        participants=ParticipantService(
            acts,
            participants=participants,
            operators=operators,
            tasks=tasks,
            applications=applications,
            certificates=certificates,
            personal_data=personal_data,
        ),
        applications=ApplicationService(
            acts,
            applications=applications,
            participants=participants,
            operators=operators,
            agreements=agreements,
            certificates=certificates,
            personal_data=personal_data,
            conformance=conformance,
        ),
        conformance=conformance,
        operators=OperatorService(
            acts,
            operators=operators,
            participants=participants,
            certificates=certificates,
            personal_data=personal_data,
        ),
        permissions=PermissionService(acts, operators, participants),
        sms=SmsService(acts, operators, participants, personal_data),
        operator_reviews=OperatorReviewService(acts, operators, certificates, usage),
        certificates=CertificateService(
            acts,
            certificates=certificates,
            keys=certificate_keys,
            holders=holders,
            electronic_keys=electronic_keys,
            records=records,
        ),
        certificate_requests=CertificateRequests(
            world,
            acts,
            issuing,
            certificates=certificates,
            keys=certificate_keys,
            holders=holders,
            electronic_keys=electronic_keys,
            terms=terms,
        ),
        certificate_registration=CertificateRegistration(
            world,
            acts,
            issuing,
            open_outside(settings, world),
            certificates=certificates,
            keys=certificate_keys,
            holders=holders,
            electronic_keys=electronic_keys,
            attempts=records.attempts,
            known_weak=terms.known_weak,
        ),
        certificate_issuing=issuing,
        certificate_use=certificate_use,
        revocation_status=revocation_status_over(database, settings, clock, authority),
        electronic_keys=ElectronicKeyService(
            acts,
            electronic_keys=electronic_keys,
            certificates=certificates,
            operators=operators,
            participants=participants,
        ),
        reminders=ReminderService(
            world,
            acts,
            reminders=ReminderStore(database),
            certificates=certificates,
            operators=operators,
            outbox=messages,
            personal_data=personal_data,
            tiers=settings.reminder_days,
        ),
        outbox=Outbox(clock, messages, personal_data, gateway_of(settings)),
        calendars=CalendarService(
            world,
            acts,
            calendars=CalendarStore(database),
            certificates=certificates,
            participants=participants,
            operators=operators,
            personal_data=personal_data,
            base_url=settings.public_url,
        ),
        expiry_gauges=ExpiryGauges(clock, Meter(world), certificates, authority, settings.reminder_days),
        reminding=Leading(LeaseStore(database), "reminders"),
        registrars=RegistrarService(acts, registrars=registrars, certificates=certificates),
        tasks=TaskService(acts, tasks),
        proposals=ProposalService(acts, proposals),
        records=records,
        log=log,
        tokens=tokens,
        usage=usage,
        integrator=Integrator(world, keys, database),
        feeds=Feeds(
            RecordFeed(database, records, kept_records), OperatorFeed(database), CertificateFeed(database, clock)
        ),
    )


def revocation_status_over(
    database: Database, settings: Settings, clock: Clock, authority: Authority | None
) -> RevocationStatus | None:
    """What machines are told of certificates; None where there is no authority to tell of."""
    if authority is None:
        return None
    return RevocationStatus(
        clock,
        authority,
        certificates=CertificateStore(database),
        revocations=RevocationStore(database),
        list_life=timedelta(hours=settings.revocation_list_hours),
        ocsp_life=timedelta(minutes=settings.ocsp_minutes),
    )


def gateway_of(settings: Settings) -> Gateway | None:
    return FileGateway(settings.sms_outbox_file) if settings.sms_outbox_file else None


def certificate_terms(settings: Settings) -> CertificateTerms:
    """What the settings say of certificates. Raises SigningKeyUnusable for a list of blocked keys that is none."""
    return CertificateTerms(
        days=settings.certificate_days,
        overlap=timedelta(days=settings.certificate_overlap_days),
        approval=settings.certificate_approval,
        known_weak=read_blocked_keys(settings.blocked_keys_file),
    )


def names_in(settings: Settings) -> Names:
    """The databases that these settings name."""
    return Names(settings.database, settings.evidence_database)


@asynccontextmanager
async def open_services(
    settings: Settings, world: World, clock: Clock, *, sight: Sight = AS_IT_IS, recorded: Recorded = tell_nobody
) -> AsyncIterator[Services]:
    """The services of a world over its database. Raises what `open_database` raises: an absent or foreign stamp."""
    async with open_database(
        settings.mongo_uri.get_secret_value(),
        world,
        names_in(settings),
        server_selection_ms=settings.server_selection_ms,
        listeners=[CommandLatency(Meter(world).command)],
    ) as database:
        with open_authority(settings, world) as authority:
            yield services_over(database, settings, clock, authority, sight=sight, recorded=recorded)
