"""Any sequence of commands by anybody, on the real services: states stay in the tables, and records replay to them.

`replay` knows nothing of the services: it folds records over the tables of transitions. What it comes to must be what
is stored, so a change without its record, a record without its change, or a way the tables do not have is found.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.access import ROLE_CEILINGS, Caller, OperatorRole, Permission, Service, permissions_of
from service.applications import ApplicationCommand
from service.errors import ServiceError
from service.operator_service import OperatorInput
from service.operators import (
    OPERATOR_TRANSITIONS,
    Freezer,
    OffboardReason,
    OperatorCommand,
    OperatorStatus,
    SmsStatus,
    SmsTopic,
)
from service.pagination import BY_ID, PageRequest
from service.participants import ENDED, PARTICIPANT_TRANSITIONS, ParticipantCommand, ParticipantStatus
from service.records import Record, RecordFilter
from service.refusals import Refused
from tests.databases import open_wire_database
from tests.service.institutions import (
    BREACH,
    CLOSURE,
    OFFICER,
    REVIEWER,
    SECOND_OFFICER,
    Institutions,
    caller_for,
)

pytestmark = pytest.mark.wire

NUMBERS = ("000001", "100001", "100002")  # the first administrator, and those who are registered
CHOICES = (
    (Permission.RECORD_READ,),
    (Permission.RECORD_READ, Permission.SMS_SUBSCRIBE),
    (Permission.SETTLEMENT_READ, Permission.SETTLEMENT_APPROVE),
    (Permission.OPERATOR_READ, Permission.OPERATOR_MANAGE),
)


# ------------------------------------------------------------------ the fold


@dataclass
class Held:
    role: OperatorRole
    permissions: frozenset[Permission]
    status: OperatorStatus = OperatorStatus.ACTIVE
    topics: frozenset[SmsTopic] = frozenset()
    frozen_by: Freezer | None = None


@dataclass
class State:
    """A participant and its operators, as far as access goes."""

    status: ParticipantStatus = ParticipantStatus.PENDING
    services: frozenset[Service] = frozenset()
    operators: dict[str, Held] = field(default_factory=dict)
    sanctioned: bool = False
    left_with_it: int = field(default=0, compare=False)

    def move(self, command: ParticipantCommand) -> None:
        self.status = PARTICIPANT_TRANSITIONS[self.status, command]

    def end(self, operator_id: str) -> None:
        held = self.operators[operator_id]
        held.status = OPERATOR_TRANSITIONS[held.status, OperatorCommand.OFFBOARD]
        held.permissions, held.topics, held.frozen_by = frozenset(), frozenset(), None

    def end_all(self, operators: int) -> None:
        """What ends with the participant: its services. Each operator's own record, of the same act, ends that one."""
        self.services = frozenset()
        self.left_with_it -= operators


def replay(records: Sequence[Record]) -> State:
    """The state that the records of one participant tell of, in their order. KeyError for an impossible transition."""
    state = State()
    for record in records:
        content = json.loads(record.content)["content"]
        apply(state, record.kind, record.subject or "", content)
    assert state.left_with_it == 0, "as many operators ended as the participant's record says"
    if state.status in ENDED:
        assert all(held.status is OperatorStatus.OFFBOARDED for held in state.operators.values())
    return state


def apply(  # noqa: C901, PLR0912 - one case a kind of record
    state: State, kind: str, subject: str, content: Mapping[str, Any]
) -> None:
    match kind:
        case "participant.opened":
            state.move(ParticipantCommand.OPEN)
            state.services = frozenset(map(Service, content["services"]))
        case "participant.suspended":
            state.move(ParticipantCommand.SUSPEND)
            state.sanctioned = True
        case "participant.resumed":
            state.move(ParticipantCommand.RESUME)
            state.sanctioned = False
        case "participant.terminated":
            state.move(ParticipantCommand.TERMINATE)
            state.sanctioned = True
            state.end_all(content["operators"])
        case "participant.closed":
            state.move(ParticipantCommand.CLOSE)
            state.end_all(content["operators"])
        case "participant.service.granted":
            state.services |= {Service(content["service"])}
        case "participant.service.withdrawn":
            state.services -= {Service(content["service"])}
        case "application.submitted" if content.get("type") == "CLOSE":
            state.move(ParticipantCommand.ASK_TO_CLOSE)
        case "application.rejected" | "application.withdrawn" if state.status is ParticipantStatus.CLOSING:
            state.move(ParticipantCommand.STAY_SUSPENDED if state.sanctioned else ParticipantCommand.STAY_OPEN)
        case "operator.registered":
            role = OperatorRole(content["role"])
            first = permissions_of(state.services) & ROLE_CEILINGS[role]
            given = frozenset(map(Permission, content["permissions"])) if "permissions" in content else first
            state.operators[subject] = Held(role, given)
        case "operator.succeeded" | "operator.appointed":
            state.operators[subject].role = OperatorRole.ADMINISTRATOR
            state.operators[subject].permissions = frozenset(map(Permission, content["after"]))
        case "operator.permissions.changed":
            assert frozenset(map(Permission, content["before"])) == state.operators[subject].permissions
            state.operators[subject].permissions = frozenset(map(Permission, content["after"]))
        case "operator.frozen":
            held, by = state.operators[subject], Freezer(content["by"])
            if (held.frozen_by, by) != (Freezer.PARTICIPANT, Freezer.DEPOSITORY):
                held.status = OPERATOR_TRANSITIONS[held.status, OperatorCommand.FREEZE]
            held.frozen_by = by
        case "operator.unfrozen":
            held = state.operators[subject]
            held.status = OPERATOR_TRANSITIONS[held.status, OperatorCommand.UNFREEZE]
            held.frozen_by = None
        case "operator.offboarded":
            state.end(subject)
            state.left_with_it += content["reason"].startswith("PARTICIPANT")
        case "operator.sms.subscribed":
            state.operators[subject].topics |= {SmsTopic(content["topic"])}
        case "operator.sms.unsubscribed":
            state.operators[subject].topics -= {SmsTopic(content["topic"])}


# ------------------------------------------------------------------ the commands


@dataclass
class Play:
    """One participant under random commands."""

    platform: Institutions
    participant_id: str
    ids: dict[str, str]  # operators by their numbers
    proposals: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)  # with the choice they stand for

    async def caller(self, who: str) -> Caller:
        """Who acts, with what it holds now: what lets people in is tested elsewhere."""
        staff = {"officer": OFFICER, "second officer": SECOND_OFFICER, "reviewer": REVIEWER}
        if who in staff:
            return staff[who]
        operator = await self.platform.operator_store.find(self.ids.get(who, self.ids["000001"]))
        assert operator is not None
        return caller_for(operator)

    def operator_id(self, number: str) -> str:
        return self.ids.get(number, "live-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ")

    async def act(self, who: str, name: str, number: str, choice: int) -> bool:
        """Whether it was done. What the services say against it is theirs to say."""
        who = number if name in {"subscribe", "unsubscribe"} and choice % 2 else who  # one's own SMS, mostly
        caller = await self.caller(who)
        proposal, choice = self.proposals.pop((name, number), (None, choice))
        operators, participants = self.platform.operators, self.platform.participants
        permissions, sms = self.platform.permissions, self.platform.sms
        operator_id, here = self.operator_id(number), self.participant_id
        topic, service = tuple(SmsTopic)[choice], (Service.SETTLEMENT, Service.NOTICES)[choice % 2]
        commands: Mapping[str, Callable[[], Awaitable[Any]]] = {
            "register": lambda: operators.register(
                caller, here, OperatorInput(number, "王五", tuple(OperatorRole)[choice], CHOICES[1], None)
            ),
            "permit": lambda: permissions.change(caller, operator_id, CHOICES[choice], proposal_id=proposal),
            "appoint": lambda: permissions.appoint(caller, operator_id, CHOICES[3], proposal_id=proposal),
            "freeze": lambda: operators.freeze(caller, operator_id),
            "unfreeze": lambda: operators.unfreeze(caller, operator_id),
            "offboard": lambda: operators.offboard(caller, operator_id, OffboardReason.LEFT),
            "succeed": lambda: operators.offboard(
                caller,
                operator_id,
                OffboardReason.LEFT,
                successor_id=self.operator_id(NUMBERS[1 + choice % 2]),
                proposal_id=proposal,
            ),
            "subscribe": lambda: sms.subscribe(caller, operator_id, topic, "+8613812341234"),
            "unsubscribe": lambda: sms.unsubscribe(caller, operator_id, topic),
            "suspend": lambda: participants.suspend(caller, here, BREACH),
            "resume": lambda: participants.resume(caller, here),
            "terminate": lambda: participants.terminate(caller, here, BREACH, proposal_id=proposal),
            "grant": lambda: participants.grant_service(caller, here, service),
            "withdraw": lambda: participants.withdraw_service(caller, here, service),
            "ask to close": lambda: self.platform.applications.apply_for_closure(caller, here, CLOSURE),
            "decide": lambda: self.decide(caller, (ApplicationCommand.REJECT, ApplicationCommand.APPROVE)[choice % 2]),
        }
        try:
            done = await commands[name]()
        except (Refused, ServiceError):
            return False
        if name == "register":
            self.ids[number] = done.subject.id
        if done.proposal is not None:
            self.proposals[name, number] = done.proposal.id, choice
        return True

    async def decide(self, caller: Caller, decision: ApplicationCommand) -> Any:
        pending = await self.platform.application_store.find_pending(self.participant_id, None)
        return await self.platform.applications.review(caller, pending.id if pending else "none", decision, "as asked")

    async def stored(self) -> State:
        participant = await self.platform.participant_store.find(self.participant_id)
        assert participant is not None
        found = await self.platform.operator_store.list_by({"participantId": self.participant_id}, 100)
        held = {
            each.id: Held(
                each.role,
                frozenset(each.permissions),
                each.status,
                frozenset(sms.topic for sms in each.sms_subscriptions if sms.status is SmsStatus.ACTIVE),
                each.frozen_by,
            )
            for each in found
        }
        services = frozenset(each.service for each in participant.services)
        return State(participant.status, services, held, participant.sanction is not None)

    async def records(self) -> list[Record]:
        wanted = RecordFilter(participant_id=self.participant_id)
        page = await self.platform.records.page(OFFICER, wanted, PageRequest(BY_ID, 1_000))
        return list(page.items)


ADMINISTERING = (
    "register",
    "permit",
    "appoint",
    "freeze",
    "unfreeze",
    "subscribe",
    "unsubscribe",
    "offboard",
    "succeed",
)
DECIDING = ("suspend", "resume", "grant", "withdraw", "terminate", "decide")
ENDING = ("offboard", "succeed", "terminate", "ask to close", "decide")  # seldom, or all is over soon
WEIGHTS = {name: 1 if name in ENDING else 8 for name in (*ADMINISTERING, *DECIDING, "ask to close")}
WEIGHTS |= {"suspend": 2, "withdraw": 2, "succeed": 6}
ANYBODY = (*NUMBERS, "officer", "second officer", "reviewer")
LENGTH = 60


def commands_of(seed: int) -> list[tuple[str, str, str, int]]:
    """Who, what, to whom, and which of the choices: a sequence as random as its seed."""
    rng = random.Random(seed)
    names = rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=LENGTH)
    return [(someone(rng, name), name, rng.choice(NUMBERS), rng.randrange(4)) for name in names]


def someone(rng: random.Random, name: str) -> str:
    """One time in three anybody; else one whose business it can be."""
    if rng.random() < 1 / 3:
        return rng.choice(ANYBODY)
    return rng.choice(("officer", "second officer")) if name in DECIDING else "000001"


def test_records_replay_to_the_state_whatever_was_done_by_whom(wire_uri: str) -> None:
    done: Counter[str] = Counter()

    @settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @given(st.integers(0, 2**32))
    def play(seed: int) -> None:
        asyncio.run(play_out(wire_uri, commands_of(seed), done))

    play()
    assert done.keys() == WEIGHTS.keys(), f"never done, so never tried: {WEIGHTS.keys() - done.keys()}"


async def play_out(uri: str, commands: list[tuple[str, str, str, int]], done: Counter[str]) -> None:
    async with open_wire_database(uri) as database:
        platform = Institutions(database)
        participant, administrator = await platform.open()
        await platform.grant_settlement(participant)
        scene = Play(platform, participant.id, {"000001": administrator.id})
        for command in commands:
            if await scene.act(*command):
                done[command[1]] += 1
                assert replay(await scene.records()) == await scene.stored(), command
