"""Receipts for a client to judge: one that is genuine, one that was altered, one that somebody else signed."""

import secrets
from dataclasses import dataclass

from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from sandbox.conformance.runs import Fact
from service.evidence import receipts
from service.world import World

LETTERS = ("receiptA", "receiptB", "receiptC")


@dataclass(frozen=True, slots=True)
class Forgeries:
    """What is made of a genuine receipt. Neither verifies under the sandbox's keys."""

    altered: str
    foreign: str


def forge(genuine: str, world: World) -> Forgeries:
    """Both claim to be production's and to bind; that is what a client must not fall for (art. 17)."""
    header, payload, signature = genuine.split(".")
    there = world.neighbour
    said = urlsafe_b64decode(payload.encode())
    environment = f'"environment":"{world.environment.value}"'.encode()
    claimed = said.replace(environment, f'"environment":"{there.environment.value}"'.encode())
    claimed = claimed.replace(b'"binding":false', b'"binding":true')
    altered = ".".join((header, urlsafe_b64encode(claimed).decode(), signature))
    stranger = ECKey.generate_key("P-256", auto_kid=True)
    return Forgeries(altered, receipts.sign(claimed, stranger))


def shuffled(genuine: str, forgeries: Forgeries) -> list[Fact]:
    """The three under names that tell nothing; which is which is not shown."""
    kinds = {"genuine": genuine, "altered": forgeries.altered, "foreign": forgeries.foreign}
    order = list(kinds)
    secrets.SystemRandom().shuffle(order)
    named = dict(zip(order, LETTERS, strict=True))
    return [
        *(Fact(named[kind], kinds[kind]) for kind in sorted(order, key=named.__getitem__)),
        *(Fact(kind, name, shown=False) for kind, name in sorted(named.items())),
    ]
