"""What the server saw of a run: the tenant's exchanges and records since the case began, as events to grade."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.conformance.documents import root_fields
from sandbox.conformance.events import Event, Source
from sandbox.conformance.runs import CaseRun
from sandbox.inspector.exchange_log import ExchangeLog
from sandbox.inspector.exchanges import Exchange
from service.access import SYSTEM, CallerKind
from service.bootstrap import Services
from service.pagination import BY_ID, PageRequest
from service.records import Record, RecordFilter

BATCH = 200
MOST_RECORDS = 5_000  # of one case


class Seen:
    def __init__(self, services: Services, exchanges: ExchangeLog) -> None:
        self._services = services
        self._exchanges = exchanges

    async def events(self, tenant_id: str, case: CaseRun) -> list[Event]:
        """All that happened since the case began, in no particular order."""
        clock = self._services.clock
        ahead = max(clock.now(tenant_id) - clock.now(), timedelta(0))
        exchanges = await self._exchanges.since(tenant_id, case.begun_at - ahead)
        return [
            *(event for each in exchanges for event in exchange_events(each)),
            *[record_event(each, ahead) async for each in self._records(tenant_id, case.begun_at - ahead)],
            *(each.event(place) for place, each in enumerate(case.declarations)),
        ]

    async def _records(self, tenant_id: str, since: datetime) -> AsyncIterator[Record]:
        caller = replace(SYSTEM, participant_id=tenant_id)
        wanted = RecordFilter(participant_id=tenant_id, since=since)
        boundary = None
        for _ in range(MOST_RECORDS // BATCH):
            page = await self._services.records.page(caller, wanted, PageRequest(BY_ID, BATCH, boundary))
            for each in page.items:
                yield each
            if not page.has_next:
                return
            boundary = page.positions[-1]


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
    """By the tenant's time: what nobody did who had logged in is recorded by the real one."""
    said = json.loads(record.content)
    at = record.at + ahead if record.actor.kind is CallerKind.ANONYMOUS else record.at
    fields = {
        "kind": record.kind,
        "actor": record.actor.id,
        "certificate": record.actor.certificate,
        "subject": record.subject,
        "content": said["content"],
    }
    return Event(record.id, at, Source.RECORD, fields)


def _object(text: str | None) -> Mapping[str, Any]:
    """Empty for what was not kept whole."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}
