"""What the server saw of a run: the tenant's exchanges and records since the case began, as events to grade.

A record says the tenant's time, and a tenant's time goes back with a reset while its records stay (art. 12): those of
a former epoch may lie in what is the future now. So a case notes, as it begins, which are there already.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.conformance.cases import Case
from sandbox.conformance.documents import root_fields
from sandbox.conformance.events import Event, Source
from sandbox.conformance.runs import LONGEST_RUN, CaseRun, Fact
from sandbox.inspector.exchange_log import ExchangeLog
from sandbox.inspector.exchanges import Exchange
from sandbox.tasks import in_slices
from service.access import SYSTEM, CallerKind
from service.bootstrap import Services
from service.errors import BadInput
from service.pagination import BY_ID, PageRequest
from service.records import Record, RecordFilter

BATCH = 200
MOST_RECORDS = 5_000  # of one kind in one case: the first ones
MOST_BEFORE = 10_000  # as many ids as a run can hold many times over
BEGAN, BEFORE = "began", "recordsBefore"
_MOMENT = timedelta(milliseconds=1)  # a record's time is in whole ones


class Seen:
    def __init__(self, services: Services, exchanges: ExchangeLog) -> None:
        self._services = services
        self._exchanges = exchanges

    async def start(self, tenant_id: str, case: Case, begun_at: datetime) -> list[Fact]:
        """What tells later what is the case's own: the real time at which it begins, and the records that are there.

        Raises BadInput where there are more than a run can hold.
        """
        began = self._services.clock.now()
        records = self._records(tenant_id, case, begun_at, begun_at + LONGEST_RUN, MOST_BEFORE + 1)
        there = [each.id async for each in records]
        if len(there) > MOST_BEFORE:
            raise BadInput("Too much is on record of the day to come, of before a reset: move the clock past it.")
        return [Fact(BEGAN, began.isoformat(), shown=False), Fact(BEFORE, " ".join(there), shown=False)]

    async def events(self, tenant_id: str, case: Case, case_run: CaseRun) -> list[Event]:
        """All that happened since the case began and that it looks at, in no particular order."""
        facts = {each.name: each.value for each in case_run.facts}
        if BEGAN not in facts:  # by a release that noted neither: nothing can be told apart, so nothing counts
            return []
        clock, began, before = self._services.clock, datetime.fromisoformat(facts[BEGAN]), set(facts[BEFORE].split())
        real, now = clock.now(), clock.now(tenant_id)
        ahead = max(now - real, timedelta(0))
        end = min(now + _MOMENT, case_run.begun_at + LONGEST_RUN)  # as far as it is known what was there before
        by_tenant = self._records(tenant_id, case, case_run.begun_at, end, MOST_RECORDS)
        by_real = self._records(tenant_id, case, began, real + _MOMENT, MOST_RECORDS)
        return [
            *[
                event
                async for each in in_slices(self._exchanges.since(tenant_id, began))
                for event in exchange_events(each)
            ],
            *[record_event(each, ahead) async for each in in_slices(by_tenant) if each.id not in before],
            *[record_event(each, ahead) async for each in in_slices(by_real) if _says_real_time(each)],
            *(each.event(place) for place, each in enumerate(case_run.declarations)),
        ]

    async def _records(
        self, tenant_id: str, case: Case, since: datetime, until: datetime, most: int
    ) -> AsyncIterator[Record]:
        """Those of each kind that the case looks at, `most` of each, the oldest first."""
        for kind in case.record_kinds:
            wanted = RecordFilter(participant_id=tenant_id, kind=kind, since=since, until=until)
            async for each in self._found(wanted, most):
                yield each

    async def _found(self, wanted: RecordFilter, most: int) -> AsyncIterator[Record]:
        caller = replace(SYSTEM, participant_id=wanted.participant_id)
        boundary, left = None, most
        while left > 0:
            request = PageRequest(BY_ID, min(BATCH, left), boundary)
            page = await self._services.records.page(caller, wanted, request)
            for each in page.items:
                yield each
            if not page.has_next:
                return
            boundary, left = page.positions[-1], left - len(page.items)


def exchange_events(exchange: Exchange) -> Iterator[Event]:
    """One for each root field of the operation; one for a request that asked for none.

    At the tenant's time when it came in, which does not move with the tenant's clock.
    """
    at = exchange.tenant_at
    variables = _object(exchange.variables)
    common = {
        "endpoint": exchange.endpoint.value,
        "kind": exchange.operation_kind,
        "operator": exchange.operator_id,
        "status": exchange.status,
        "outcome": exchange.outcome.value,
        "codes": list(exchange.codes) or None,
        "scenario": exchange.scenario,
        "fault": exchange.fault,
        "key": exchange.idempotency_key,
    }
    roots = root_fields(exchange.document, exchange.operation_name, variables)
    if not roots:
        yield Event(exchange.id, at, Source.EXCHANGE, common)
    for place, root in enumerate(roots):
        fields = common | {"field": root.name, "arguments": dict(root.arguments), "selects": list(root.selects)}
        yield Event(f"{exchange.id} {place:02d}", at, Source.EXCHANGE, fields)


def record_event(record: Record, ahead: timedelta) -> Event:
    """By the tenant's time."""
    said = json.loads(record.content)
    at = record.at + ahead if _says_real_time(record) else record.at
    fields = {
        "kind": record.kind,
        "actor": record.actor.id,
        "certificate": record.actor.certificate,
        "subject": record.subject,
        "content": said["content"],
    }
    return Event(record.id, at, Source.RECORD, fields)


def _says_real_time(record: Record) -> bool:
    """As what nobody did who had logged in does; all other records of a tenant say its own time."""
    return record.actor.kind is CallerKind.ANONYMOUS


def _object(text: str | None) -> Mapping[str, Any]:
    """Empty for what was not kept whole."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}
