"""How the rules see what is stored, at the moment they decide. As it is, unless a deployment says otherwise.

A world in which outcomes are tried out on demand gives its own sight: a copy of a real certificate that is revoked, of
a participant that is suspended. The rules judge the copy; nothing of it is stored. What is merely read is not seen so:
queries show what is there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from service.consents import Consent
    from service.logins import Holder
    from service.storage.agreements import AgreementHead

T = TypeVar("T")


def _as_it_is(value: T) -> T:
    return value


def _as_they_are(consents: "Sequence[Consent]", participant_id: str) -> "Sequence[Consent]":  # noqa: ARG001 - Sight's
    return consents


@dataclass(frozen=True, slots=True)
class Sight:
    """Each takes what was read and answers what is judged."""

    holder: Callable[["Holder"], "Holder"] = _as_it_is
    """Whoever logs in or acts: certificate, operator, participant."""
    consents: Callable[["Sequence[Consent]", str], "Sequence[Consent]"] = _as_they_are
    """How a participant answered the versions of the agreement."""
    heads: Callable[["Sequence[AgreementHead]"], "Sequence[AgreementHead]"] = _as_it_is
    """The published versions of the agreement, ascending."""
    version: Callable[[int], int] = _as_it_is
    """The version of an aggregate that a caller is about to change."""


AS_IT_IS = Sight()
