"""The built-in receiver: an address of each tenant's own to try webhooks against, which verifies as a client should.

The address holds what only this sandbox can say of the tenant's id: it is kept nowhere, and cannot be guessed.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sandbox.webhooks.signatures import Verdict
from service.personal_data import PersonalData

RECEIVER_PATH = "/sandbox/receiver"
KEPT = 100  # messages of a tenant
LONGEST = 131_072  # bytes
_TOKEN = r"[a-z]{3,4}-par-[0-7][0-9A-HJKMNP-TV-Z]{25}\.[0-9a-f]{40}"  # noqa: S105 - the form of one


class Manner(StrEnum):
    """How a receiver answers, to see what becomes of a message."""

    OK = "OK"  # 204, or 401 where the message does not verify
    ERROR = "ERROR"  # 500
    SLOW = "SLOW"  # later than anybody waits
    GONE = "GONE"  # 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """How the receiver of a tenant answers. `id` is the tenant's."""

    id: str
    version: int
    manner: Manner


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as it came. `again` says that one with the same `webhook-id` came before."""

    id: str
    version: int
    tenant_id: str
    at: datetime
    verdict: Verdict
    again: bool
    webhook_id: str
    timestamp: str
    signature: str
    body: str
    answered: int | None  # the status; None where the sender did not wait for it


def token_of(tenant_id: str, personal_data: PersonalData) -> str:
    return f"{tenant_id}.{personal_data.keyed_digest(b'webhook receiver' + tenant_id.encode())[:40]}"


def tenant_of(token: str, personal_data: PersonalData) -> str | None:
    """Whose address it is; None for one that was never given out."""
    tenant_id = token.partition(".")[0]
    expected = token_of(tenant_id, personal_data)
    return tenant_id if hmac.compare_digest(token.encode(errors="replace"), expected.encode()) else None


def receiver_url(public_url: str, tenant_id: str, personal_data: PersonalData) -> str:
    return f"{public_url}{RECEIVER_PATH}/{token_of(tenant_id, personal_data)}"


def receiver_pattern(public_url: str) -> re.Pattern[str]:
    """The addresses of all receivers of a sandbox, and no other address."""
    return re.compile(re.escape(f"{public_url}{RECEIVER_PATH}/") + _TOKEN)
