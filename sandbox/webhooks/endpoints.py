"""Webhooks of tenants: the addresses to which their events are sent, and the secrets that sign what is sent.

An endpoint that fails ten times in a row is paused and says why; one that answers 410 is paused at once, as the
Standard Webhooks specification has it. What happens while it is paused waits; while it is switched off, it passes by.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from service.errors import BadInput
from service.personal_data import Place, SealedText

MOST_ENDPOINTS = 10  # of one tenant
MOST_TOPICS = 50  # of one endpoint
FAILURES_IN_A_ROW = 10
LONGEST_DESCRIPTION = 200
LONGEST_OVERLAP = timedelta(days=7)
_TOPIC = re.compile(r"[a-z_]{1,40}(\.[a-z_]{1,40}){0,3}")


class EndpointState(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"  # by the sandbox, for its failures: events wait
    OFF = "OFF"  # by the tenant: events pass by


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that signs. `until` is its end, for one that has a successor."""

    sealed: SealedText
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One webhook. `topics` are event types or their beginnings up to a dot; none stands for all.

    `secrets` are those in force, the newest first. `failures` counts the last ones in a row. Times are real.
    """

    id: str
    version: int
    tenant_id: str
    url: str
    description: str
    topics: tuple[str, ...]
    state: EndpointState
    secrets: tuple[Secret, ...]
    created_at: datetime
    failures: int = 0
    paused_at: datetime | None = None
    paused_because: str | None = None
    place: int = 0  # among the tenant's: no two have the same
    missed: int = 0  # events that found no room since it was switched on

    def wants(self, event_type: str) -> bool:
        return not self.topics or any(f"{event_type}.".startswith(f"{topic}.") for topic in self.topics)


def secret_place(endpoint_id: str) -> Place:
    return Place("sandbox_webhooks", endpoint_id, "secret")


def parse_topics(topics: tuple[str, ...]) -> tuple[str, ...]:
    """Raises BadInput."""
    if len(topics) > MOST_TOPICS or any(_TOPIC.fullmatch(each) is None for each in topics):
        raise BadInput(
            f"Up to {MOST_TOPICS} event types, or their beginnings, such as certificate or operator.offboarded.",
            field="topics",
        )
    return tuple(dict.fromkeys(topics))


def secrets_at(endpoint: Endpoint, now: datetime) -> tuple[Secret, ...]:
    return tuple(each for each in endpoint.secrets if each.until is None or now < each.until)


def rotated(endpoint: Endpoint, fresh: SealedText, overlap: timedelta, now: datetime) -> Endpoint:
    """With a new secret; the one before signs too until the overlap ends, those before it no more."""
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise BadInput(f"An overlap lasts up to {LONGEST_OVERLAP.days} days.", field="overlap")
    former = replace(endpoint.secrets[0], until=now + overlap)
    kept = (former,) if overlap else ()
    return replace(endpoint, secrets=(Secret(fresh), *kept))


def succeeded(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, failures=0)


def failed(endpoint: Endpoint, now: datetime, *, gone: bool) -> Endpoint:
    """With one more failure in a row, which may be the one that pauses it."""
    failures = endpoint.failures + 1
    if endpoint.state is not EndpointState.ACTIVE or not (gone or failures >= FAILURES_IN_A_ROW):
        return replace(endpoint, failures=failures)
    why = "It answered 410 Gone." if gone else f"{failures} attempts in a row failed."
    return replace(endpoint, failures=failures, state=EndpointState.PAUSED, paused_at=now, paused_because=why)


def switched_on(endpoint: Endpoint) -> Endpoint:
    """Active, with a clean slate. What waits is sent."""
    return replace(endpoint, state=EndpointState.ACTIVE, failures=0, paused_at=None, paused_because=None, missed=0)


def switched_off(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, state=EndpointState.OFF, paused_at=None, paused_because=None)
