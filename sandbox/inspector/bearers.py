"""Whose a bearer token is, by its signature alone: also of one that has expired or whose holder has been shut out.

Says who it was given to, and nothing of what may be done with it: that is the service's to say, at every request.
"""

from dataclasses import dataclass
from datetime import datetime

from joserfc import jws
from joserfc.errors import JoseError

from schema.transport import bearer_of
from service.errors import Unauthenticated
from service.evidence import canonical
from service.evidence.errors import Malformed
from service.keys import SigningKeys
from service.tokens import MAX_TOKEN


@dataclass(frozen=True, slots=True)
class Bearer:
    operator_id: str | None
    participant_id: str | None


NOBODY = Bearer(None, None)


def bearer_named(authorization: str, keys: SigningKeys, now: datetime) -> Bearer:
    """NOBODY for no token, for a malformed one, and for one that this service did not sign."""
    try:
        token = bearer_of(authorization)
        if len(token) > MAX_TOKEN:
            return NOBODY
        signed = jws.deserialize_compact(token, keys.token_keys(now), ["ES256"])
        claims = canonical.decode_loosely(signed.payload)
    except (Unauthenticated, JoseError, Malformed, ValueError, TypeError, KeyError):
        return NOBODY
    named = (claims.get("sub"), claims.get("participant"))
    return Bearer(*(each if isinstance(each, str) else None for each in named))
