"""What the suite does to a tenant as a case begins: by the service's own acts, as the depository or as an operator.

Each step answers facts: those that the client is told, and those that only the grading knows.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.conformance.cases import Step
from sandbox.conformance.people import People, as_caller
from sandbox.conformance.receipts import forge, shuffled
from sandbox.conformance.revisions import Revisions
from sandbox.conformance.runs import Fact, Run
from sandbox.issuing import issue_certificate, issue_near_its_end
from sandbox.personas.credentials import request_of
from sandbox.scenarios.fault_keeping import FaultKeeping
from sandbox.scenarios.faults import Faults
from sandbox.tenants.openings import ensure_staff
from schema.pagination import write_cursor
from service.access import SYSTEM, Caller, Permission
from service.bootstrap import Services
from service.certificate_requests import RequestInput
from service.certificates import CertificateProfile, RevocationReason
from service.errors import BadInput
from service.operators import Operator, SmsTopic
from service.pagination import BY_ID, LATEST_FIRST, PageRequest
from service.records import RecordFilter

OUTAGE = timedelta(seconds=3)  # shorter than any client's patience, longer than a retry without a pause
PAGE = 2  # operators on a page
LEAST_OPERATORS = 5  # so that there are three pages
LIFE_DAYS, PASSED = 24, timedelta(days=20, hours=12)  # three days and a half are left, and the renewal window is open
SOME = (Permission.CERTIFICATE_REQUEST, Permission.OPERATOR_READ, Permission.SMS_SUBSCRIBE)


class Steps:
    def __init__(self, services: Services, people: People, revisions: Revisions, faults: FaultKeeping) -> None:
        self._services = services
        self._people = people
        self._revisions = revisions
        self._faults = faults
        self._ways: Mapping[Step, Callable[[Run], Awaitable[list[Fact]]]] = {
            Step.NOTHING: self._do_nothing,
            Step.COUNT_OPERATORS: self._count_operators,
            Step.DELIVER_REVISION: self._deliver_revision,
            Step.LIMIT_RATE: self._limit_rate,
            Step.BE_UNAVAILABLE: self._be_unavailable,
            Step.END_SESSIONS: self._end_sessions,
            Step.SHORTEN_CERTIFICATE: self._shorten_certificate,
            Step.REVOKE_CERTIFICATE: self._revoke_certificate,
            Step.REGISTER_OPERATOR: self._register_operator,
            Step.REGISTER_LEAVER: self._register_leaver,
            Step.CHANGE_MEANWHILE: self._change_meanwhile,
            Step.LOSE_KEY: self._lose_key,
            Step.GIVE_RECEIPTS: self._give_receipts,
        }

    async def take(self, step: Step, run: Run) -> list[Fact]:
        """Raises BadInput where the tenant is not as the step needs it."""
        return await self._ways[step](run)

    async def settle(self, run: Run) -> None:
        """After a case, however it went: nothing of it disturbs the next."""
        await self._faults.end_outage(run.tenant_id)
        await self._revisions.withdraw_rejection(run.tenant_id)

    async def _do_nothing(self, _: Run) -> list[Fact]:
        return []

    async def _count_operators(self, run: Run) -> list[Fact]:
        there = await self._people.of_tenant(run.tenant_id)
        while len(there) < LEAST_OPERATORS:
            there.append(await self._people.register(run.tenant_id, SOME))
        cursors = [write_cursor(BY_ID, (each.id,)) for each in there]
        return [Fact("first", str(PAGE)), Fact("cursors", " ".join(cursors), shown=False)]

    async def _deliver_revision(self, run: Run) -> list[Fact]:
        head = await self._revisions.deliver(run.tenant_id)
        return [Fact("number", str(head.number)), Fact("contentHash", head.content_hash)]

    async def _limit_rate(self, run: Run) -> list[Fact]:
        await self._faults.begin_outage(run.tenant_id, Faults(rate_limited=100), OUTAGE)
        return [Fact("retryAfter", str(math.ceil(60 / self._services.settings.rate_per_minute)), shown=False)]

    async def _be_unavailable(self, run: Run) -> list[Fact]:
        number = await self._people.free_number(run.tenant_id)
        await self._faults.begin_outage(run.tenant_id, Faults(unavailable=100), OUTAGE)
        return [Fact("operatorNumber", number)]

    async def _end_sessions(self, run: Run) -> list[Fact]:
        """Frozen and let in again, the clerk has no session left. A token of the same second would be void as well."""
        desk, clerk = await self._desk(), run.fact("clerk")
        await self._services.operators.freeze(desk, clerk)
        await self._services.operators.unfreeze(desk, clerk)
        await asyncio.sleep(1)
        return []

    async def _shorten_certificate(self, run: Run) -> list[Fact]:
        """The clerk's key has another certificate, which ends in three days."""
        clerk = run.fact("clerk")
        old = await self._people.login_certificate(clerk)
        staff = await ensure_staff(self._services)
        ending = await issue_near_its_end(self._services, staff, old, passed=PASSED, days=LIFE_DAYS)
        self._services.tokens.forget()
        return [
            Fact("certificate", ending.id),
            Fact("fingerprint", ending.fingerprint or ""),
            Fact("pem", ending.pem or ""),
            Fact("notAfter", ending.not_after.isoformat()),
        ]

    async def _revoke_certificate(self, run: Run) -> list[Fact]:
        old = await self._people.login_certificate(run.fact("clerk"))
        reason = RevocationReason.KEY_COMPROMISE
        await self._services.certificates.revoke(await self._desk(), old.id, reason)
        return [Fact("certificate", old.id), Fact("fingerprint", old.fingerprint or "")]

    async def _register_operator(self, run: Run) -> list[Fact]:
        return _named(await self._people.register(run.tenant_id, SOME))

    async def _register_leaver(self, run: Run) -> list[Fact]:
        """One who has what offboarding must end: permissions and a subscription to SMS (art. 11)."""
        leaver = await self._people.register(run.tenant_id, SOME)
        await self._services.sms.subscribe(as_caller(leaver), leaver.id, SmsTopic.NOTICE, None)
        return _named(leaver)

    async def _change_meanwhile(self, run: Run) -> list[Fact]:
        """The version that the client is told is the one before somebody else's change."""
        operator = await self._people.register(run.tenant_id, SOME)
        await self._services.sms.subscribe(as_caller(operator), operator.id, SmsTopic.NOTICE, None)
        return [Fact("operator", operator.id), Fact("version", str(operator.version))]

    async def _lose_key(self, run: Run) -> list[Fact]:
        operator = await self._people.register(run.tenant_id, SOME)
        request = request_of(ec.generate_private_key(ec.SECP256R1()))
        given = RequestInput(CertificateProfile.LOGIN, request, operator_id=operator.id)
        certificate = await issue_certificate(self._services, await ensure_staff(self._services), given)
        return [Fact("operator", operator.id), Fact("certificate", certificate.id)]

    async def _give_receipts(self, run: Run) -> list[Fact]:
        caller = replace(SYSTEM, participant_id=run.tenant_id)
        wanted = RecordFilter(participant_id=run.tenant_id)
        page = await self._services.records.page(caller, wanted, PageRequest(LATEST_FIRST, 1))
        if not page.items:
            raise BadInput("This tenant has no record yet.")
        genuine = page.items[0].receipt
        return shuffled(genuine, forge(genuine, self._services.world))

    async def _desk(self) -> Caller:
        return (await ensure_staff(self._services)).desk


def _named(operator: Operator) -> list[Fact]:
    return [Fact("operator", operator.id), Fact("operatorNumber", operator.operator_number)]
