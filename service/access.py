"""Who calls, and what the caller may do. The caller is the first argument of every service method.

Deny first: a rule names what is allowed, never what is forbidden.
"""

from dataclasses import dataclass
from enum import StrEnum


class CallerKind(StrEnum):
    ANONYMOUS = "ANONYMOUS"
    OPERATOR = "OPERATOR"  # of a participant (art. 11, 12)
    REGISTRAR = "REGISTRAR"  # staff of the depository
    SYSTEM = "SYSTEM"  # a command line on the depository's own machine, or a job of the service


@dataclass(frozen=True, slots=True)
class Caller:
    """The one on whose behalf something is done. Built from a verified token, never from what a request claims.

    `id` names the operator or registrar; `participant_id` the institution whose act it is (art. 12);
    `certificate` is the SHA-256 fingerprint of the LOGIN certificate behind the token.
    """

    kind: CallerKind
    id: str | None = None
    participant_id: str | None = None
    role: str | None = None
    certificate: str | None = None


ANONYMOUS = Caller(CallerKind.ANONYMOUS)
