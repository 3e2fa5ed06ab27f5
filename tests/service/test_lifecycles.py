"""The tables of the state machines: what they do not have is refused, and what has ended stays ended."""

from collections.abc import Callable, Mapping
from enum import StrEnum

import pytest

from service import applications, operators, participants
from service.applications import (
    APPLICATION_TRANSITIONS,
    SETTLED,
    ApplicationCommand,
    ApplicationStatus,
)
from service.operators import (
    OPERATOR_TRANSITIONS,
    OperatorCommand,
    OperatorStatus,
)
from service.participants import (
    ENDED,
    PARTICIPANT_TRANSITIONS,
    ParticipantCommand,
    ParticipantStatus,
)
from service.refusals import Refused


@pytest.mark.parametrize(
    ("table", "following", "states", "commands"),
    [
        (PARTICIPANT_TRANSITIONS, participants.next_status, ParticipantStatus, ParticipantCommand),
        (APPLICATION_TRANSITIONS, applications.next_status, ApplicationStatus, ApplicationCommand),
        (OPERATOR_TRANSITIONS, operators.next_status, OperatorStatus, OperatorCommand),
    ],
)
def test_what_the_table_does_not_have_is_refused(
    table: Mapping[tuple[StrEnum, StrEnum], StrEnum],
    following: Callable[..., StrEnum],
    states: type[StrEnum],
    commands: type[StrEnum],
) -> None:
    for state in states:
        for command in commands:
            if (state, command) in table:
                assert following(state, command) is table[state, command]
            else:
                with pytest.raises(Refused):
                    following(state, command)


def test_what_has_ended_stays_ended() -> None:
    assert {state for state, _ in PARTICIPANT_TRANSITIONS} & ENDED == set()
    assert {state for state, _ in APPLICATION_TRANSITIONS} & SETTLED == set()
    assert OperatorStatus.OFFBOARDED not in {state for state, _ in OPERATOR_TRANSITIONS}
