"""Ids of stored things: `<world>-<kind>-<ULID>`, for example `live-op-01K9...`. The other world's are refused."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ulid import ULID

from service.errors import BadInput, EnvironmentMismatch
from service.world import World


class Kind(StrEnum):
    """What an id names. The value is the middle part of the id."""

    AGREEMENT = "agr"
    PARTICIPANT = "par"
    APPLICATION = "app"
    OPERATOR = "op"
    REGISTRAR = "reg"
    CERTIFICATE = "crt"
    RECORD = "rec"
    PROPOSAL = "prp"
    TASK = "tsk"
    CONSENT = "con"
    REMINDER = "rem"
    ELECTRONIC_KEY = "key"
    MESSAGE = "sms"
    CALENDAR = "cal"
    CONFORMANCE = "cnf"


_ID = re.compile(r"(?P<world>[a-z]{3,4})-(?P<kind>[a-z]{2,4})-(?P<ulid>[0-7][0-9A-HJKMNP-TV-Z]{25})")


@dataclass(frozen=True, slots=True)
class Identifier:
    kind: Kind
    ulid: str


def new_id(world: World, kind: Kind, at: datetime) -> str:
    """A fresh id whose order is the order of `at` (aware UTC)."""
    return f"{world.id_prefix}-{kind.value}-{ULID.from_datetime(at)}"


def parse_id(world: World, text: str, *kinds: Kind) -> Identifier:
    """The parts of an id, which must be of one of `kinds` if any are given. Says nothing of whether the thing exists.

    Raises BadInput for what is no id, EnvironmentMismatch for an id of the other world.
    """
    match = _ID.fullmatch(text)
    if match is None or match["kind"] not in set(Kind):
        raise BadInput(f"{text[:64]!r} is not an id: ids look like {world.id_prefix}-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ.")
    if match["world"] == world.neighbour.id_prefix:
        raise EnvironmentMismatch("id", here=world.environment, there=world.neighbour.environment)
    if match["world"] != world.id_prefix:
        raise BadInput(f"{text!r} is not an id of this service: its ids begin with {world.id_prefix}-.")
    kind = Kind(match["kind"])
    if kinds and kind not in kinds:
        wanted = " or ".join(each.value for each in kinds)
        raise BadInput(f"{text!r} is an id of kind {kind.value}; this asks for {wanted}.")
    return Identifier(kind, match["ulid"])
