"""Delivering the newest version of the agreement to one tenant again, for it to answer (art. 25).

A version is published for everybody; a suite that published one for each run would trouble all other tenants. What the
client sees is the same: a version that was delivered and waits for an answer.
"""

from dataclasses import replace

from service.access import SYSTEM
from service.bootstrap import Services
from service.consents import Consent, ConsentStatus
from service.errors import BadInput
from service.identifiers import Kind, new_id
from service.storage.agreements import AgreementHead, AgreementStore
from service.storage.consents import ConsentStore
from service.storage.database import Session


class Revisions:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._agreements = AgreementStore(services.database)
        self._consents = ConsentStore(services.database)

    async def deliver(self, tenant_id: str) -> AgreementHead:
        """The newest version, unanswered from now on; an answer that was given stays in the records."""
        heads = await self._agreements.published_heads()
        if not heads:
            raise BadInput("No agreement has been published.")

        async def work(session: Session) -> None:
            await self._deliver(session, tenant_id, heads[-1])

        await self._services.database.transaction(work)
        return heads[-1]

    async def withdraw_rejection(self, tenant_id: str) -> None:
        """A version that was rejected counts as not delivered: a case that went wrong stops no other."""
        for consent in await self._consents.of_participant(tenant_id):
            if consent.status is ConsentStatus.REJECTED:
                await self.deliver(tenant_id)
                return

    async def _deliver(self, session: Session, tenant_id: str, head: AgreementHead) -> None:
        caller = replace(SYSTEM, participant_id=tenant_id)
        at = self._services.clock.now(tenant_id)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # what the database keeps of a time
        former = await self._consents.find_of(tenant_id, head.number, session)
        consent_id = former.id if former else new_id(self._services.world, Kind.CONSENT, at)
        content = {"number": head.number, "contentHash": head.content_hash}
        record = await self._services.records.write(
            caller, session, "agreement.delivered", consent_id, tenant_id, content
        )
        fresh = Consent(
            id=consent_id,
            version=former.version if former else 1,
            participant_id=tenant_id,
            agreement_number=head.number,
            content_hash=head.content_hash,
            effective_from=head.effective_from,
            delivered_at=at,
            delivery_record=record.id,
        )
        if former is None:
            await self._consents.insert(session, fresh)
        else:
            await self._consents.replace(session, fresh)
