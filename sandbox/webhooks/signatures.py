"""Signatures of webhooks as the Standard Webhooks specification has them: HMAC-SHA256 over id, timestamp and body.

A message carries `webhook-id`, `webhook-timestamp` (seconds) and `webhook-signature`: one `v1,<base64>` for each secret
in force, separated by spaces, so that a secret can be changed without losing a message.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)
_SECRET_BYTES = 32  # the specification asks for 24 to 64
_SECONDS = re.compile(r"[0-9]{1,12}")


class Verdict(StrEnum):
    """What a receiver finds of a message."""

    VERIFIED = "VERIFIED"
    INCOMPLETE = "INCOMPLETE"  # a header is missing or says nothing
    TOO_OLD = "TOO_OLD"  # or too far ahead: perhaps replayed
    WRONG_SIGNATURE = "WRONG_SIGNATURE"


def new_secret() -> str:
    """256 random bits. Shown once; what is kept is sealed."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(secret_texts: Iterable[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a message sent at `at`, signed by each of the secrets."""
    timestamp = str(int(at.timestamp()))
    signatures = (f"v1,{_sign(secret, message_id, timestamp, body)}" for secret in secret_texts)
    return {ID: message_id, TIMESTAMP: timestamp, SIGNATURE: " ".join(signatures)}


def verify(secret_texts: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime) -> Verdict:
    """What a client finds that knows these secrets. Header names are in small letters.

    That a message was seen before is NOT checked: remember `webhook-id` for that.
    """
    message_id, timestamp, given = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not message_id or not given or _SECONDS.fullmatch(timestamp) is None:
        return Verdict.INCOMPLETE
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        return Verdict.TOO_OLD
    offered = [each.removeprefix("v1,").encode() for each in given.split() if each.startswith("v1,")]
    expected = [_sign(secret, message_id, timestamp, body).encode() for secret in secret_texts]
    right = any(hmac.compare_digest(one, other) for one in offered for other in expected)
    return Verdict.VERIFIED if right else Verdict.WRONG_SIGNATURE


def _sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    """Raises ValueError for what is no secret; says nothing of it."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a webhook's secret is whsec_ and base64") from None
