"""Every field and every mutation times every kind of caller, held against the policy: the schema says what there is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLField, GraphQLObjectType, get_named_type

from schema.cost import is_connection
from service.access import Caller, CallerKind, OperatorRole, RegistrarRole, may_see
from service.identifiers import Kind
from service.policy import Action, may
from tests.schema.asking import SCHEMA, actions_of, only_for, selection, value
from tests.schema.cast import NOBODY, SUSPENDED, Cast, open_cast

NAMES = [
    NOBODY,
    SUSPENDED,
    *(f"{role.lower()}{suffix}" for role in OperatorRole for suffix in ("", " with nothing")),
    "stranger",
    *(f"registrar {role.lower()}" for role in RegistrarRole),
]
OPEN = {"viewer", "platform", "agreement", "agreements", "node", "nodes"}
"""Root fields that answer everybody; `node` and `nodes` with what the caller may see."""

STORED = {
    Kind.AGREEMENT: ("Agreement", None),
    Kind.PARTICIPANT: ("Participant", Action.READ_PARTICIPANT),
    Kind.APPLICATION: ("Application", Action.READ_APPLICATION),
    Kind.OPERATOR: ("Operator", Action.READ_OPERATOR),
    Kind.RECORD: ("Record", Action.READ_RECORD),
    Kind.TASK: ("Task", Action.READ_TASK),
    Kind.PROPOSAL: ("Proposal", Action.READ_PROPOSAL),
    Kind.REGISTRAR: ("Registrar", Action.READ_REGISTRAR),
    Kind.CONSENT: ("Consent", Action.READ_CONSENT),
    Kind.CERTIFICATE: ("Certificate", Action.READ_CERTIFICATE),
    Kind.REMINDER: ("Reminder", Action.READ_CERTIFICATE),
    Kind.ELECTRONIC_KEY: ("ElectronicKey", Action.READ_ELECTRONIC_KEY),
    Kind.CALENDAR: ("Calendar", Action.KEEP_CALENDAR),
}
INSIDE = {
    "Viewer": ("{{ viewer {field} }}", ("viewer",)),
    "Actor": ("query ($id: ID!) {{ node(id: $id) {{ ... on Record {{ actor {field} }} }} }}", ("node", "actor")),
    "Contact": (
        "query ($id: ID!) {{ node(id: $id) {{ ... on Participant {{ contacts {field} }} }} }}",
        ("node", "contacts", 0),
    ),
}
"""Where to find what is no node itself and yet has something only for some."""

QUERIES: dict[str, GraphQLField] = dict(SCHEMA.query_type.fields) if SCHEMA.query_type else {}
ROOTS = {SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type}
MUTATIONS: dict[str, GraphQLField] = dict(SCHEMA.mutation_type.fields) if SCHEMA.mutation_type else {}
RELATIONS = [
    (named.name, name)
    for named in SCHEMA.type_map.values()
    if isinstance(named, GraphQLObjectType)
    for name, field in named.fields.items()
    if not named.name.startswith("__") and only_for(field)
]
ARGUMENTS = {"informationOn": '(day: "2026-11-23")'}
UNKNOWN = "01K9ZZZZZZZZZZZZZZZZZZZZZZ"
DECISIONS = {Action.REVIEW_APPLICATION: "TAKE_UP", Action.DECIDE_APPLICATION: "APPROVE"}
DEPOSITORYS = {"suspendParticipant", "resumeParticipant", "terminateParticipant"}
"""A participant that tries these is told by which article it cannot: a refusal, and no bare FORBIDDEN (art. 19)."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast(wire_uri: str) -> AsyncIterator[Cast]:
    async with open_cast(wire_uri) as cast:
        yield cast


async def integrate(cast: Cast) -> None:
    """Put what was recorded so far into the log."""
    integrating = asyncio.create_task(cast.served.services.integrator.run())
    async with asyncio.timeout(20):
        while await cast.served.services.log.waiting_since() is not None:  # noqa: ASYNC110 - another process' state
            await asyncio.sleep(0.05)
    integrating.cancel()
    await asyncio.gather(integrating, return_exceptions=True)


def code_of(answer: dict[str, Any]) -> str | None:
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


def denial(name: str) -> str:
    return "UNAUTHENTICATED" if name in {NOBODY, SUSPENDED} else "FORBIDDEN"


def allowed(caller: Caller | None, action: Action) -> bool:
    return caller is not None and may(caller, action)


# ------------------------------------------------------------------------------------------------ the schema itself


def test_every_root_field_is_open_or_asks_the_policy() -> None:
    asking = {name for name, field in QUERIES.items() if actions_of(field)}
    assert set(QUERIES) - asking == OPEN
    others = [root for root in ROOTS if root is not None and root is not SCHEMA.query_type]
    assert [name for root in others for name, field in root.fields.items() if not actions_of(field)] == []


def test_every_node_is_in_this_test() -> None:
    """A new kind of node joins STORED with the act that reading it asks for, and `tests.schema.cast` with an id."""
    nodes = {
        named.name
        for named in SCHEMA.type_map.values()
        if isinstance(named, GraphQLObjectType) and "Node" in {each.name for each in named.interfaces}
    }
    assert nodes == {name for name, _ in STORED.values()}


def test_whatever_leads_to_a_stored_thing_says_for_whom_it_is() -> None:
    """Of a field below the root: nothing stored is reached but through a relation that the policy guards."""
    guarded = {name for name, action in STORED.values() if action}
    found = set()
    for named in SCHEMA.type_map.values():
        if not isinstance(named, GraphQLObjectType) or named in ROOTS:
            continue
        for name, field in named.fields.items():
            inner = get_named_type(field.type)
            leads = inner.name in guarded or (is_connection(inner) and inner.name.removesuffix("Connection") in guarded)
            within = named.name.endswith(("Connection", "Edge", "Payload"))  # what their own root field has checked
            if leads and not within and only_for(field) is None:
                found.add(f"{named.name}.{name}")
    assert found == {
        "ExpiryDay.certificates",  # of a field that is guarded itself
        "LeaverFinding.operator",  # of a report that is guarded itself
        "Viewer.operator",  # oneself
        "Viewer.registrar",  # oneself
    }


def field_of(kind: str, name: str) -> GraphQLField:
    named = SCHEMA.type_map[kind]
    assert isinstance(named, GraphQLObjectType)
    return named.fields[name]


def test_what_is_only_for_some_can_be_null() -> None:
    for kind, name in RELATIONS:
        assert not str(field_of(kind, name).type).endswith("!"), f"{kind}.{name}"


def test_every_relation_is_reached_by_this_test() -> None:
    kinds = {name for name, _ in STORED.values()} | set(INSIDE)
    assert {kind for kind, _ in RELATIONS} <= kinds


# ------------------------------------------------------------------------------------------------------ root fields


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", NAMES)
async def test_a_root_field_answers_whom_the_policy_allows(cast: Cast, name: str) -> None:
    caller = cast.callers[name]
    for field_name, field in QUERIES.items():
        if field_name in OPEN:
            continue
        ids = {
            "participant": Kind.PARTICIPANT,
            "operator": Kind.OPERATOR,
            "application": Kind.APPLICATION,
            "certificate": Kind.CERTIFICATE,
        }
        arguments = f'(id: "{cast.ours.ids[ids[field_name]]}")' if "id" in field.args else ""
        answer = await cast.ask(f"{{ {field_name}{arguments} {{ __typename }} }}", name)
        wanted = any(allowed(caller, action) for action in actions_of(field))
        assert code_of(answer) == (None if wanted else denial(name)), (field_name, answer)


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
async def test_open_root_fields_answer_everybody_but_who_is_kept_out(cast: Cast) -> None:
    text = f"""{{ viewer {{ __typename }} platform {{ __typename }} agreement {{ number }} agreements {{ totalCount }}
        node(id: "live-op-{UNKNOWN}") {{ id }} nodes(ids: ["live-op-{UNKNOWN}"]) {{ id }} }}"""
    for name in NAMES:
        answer = await cast.ask(text, name)
        assert code_of(answer) == ("UNAUTHENTICATED" if name == SUSPENDED else None), name
        if name != SUSPENDED:
            assert answer["data"]["agreement"] == {"number": 1}
            assert (answer["data"]["node"], answer["data"]["nodes"]) == (None, [None])


# -------------------------------------------------------------------------------------------------------- mutations


def unknown_ids() -> dict[str, str]:
    kinds = {"participantId": "par", "operatorId": "op", "successorId": "op", "applicationId": "app", "taskId": "tsk"}
    kinds |= {"certificateId": "crt", "reminderId": "rem", "electronicKeyId": "key", "calendarId": "cal"}
    return {name: f"live-{kind}-{UNKNOWN}" for name, kind in kinds.items()}


def call(name: str) -> str:
    kind = MUTATIONS[name].args["input"].type
    return f"mutation ($input: {kind}) {{ {name}(input: $input) {{ refusals {{ code }} receipt {{ id }} }} }}"


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", NAMES)
async def test_a_mutation_is_for_whom_the_policy_allows(cast: Cast, name: str) -> None:
    """Asked of what is not there: who may, is told so; who may not, is told nothing but that."""
    caller = cast.callers[name]
    for mutation, field in MUTATIONS.items():
        for action in actions_of(field):
            given = {**unknown_ids(), "decision": DECISIONS.get(action)}
            answer = await cast.ask(call(mutation), name, input=value(field.args["input"].type, given))
            if allowed(caller, action):
                assert code_of(answer) in {None, "BAD_USER_INPUT"}, (mutation, answer)
                assert answer["data"] is None or answer["data"][mutation]["refusals"], mutation
            elif mutation in DEPOSITORYS and caller is not None and caller.kind is CallerKind.OPERATOR:
                assert [each["code"] for each in answer["data"][mutation]["refusals"]] == ["DEPOSITORY_DECIDES"]
            else:
                assert code_of(answer) == denial(name), (mutation, action, answer)
                assert answer.get("data") is None


# --------------------------------------------------------------------------------------------- stored types, fields


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", NAMES)
async def test_a_node_is_there_for_whom_the_policy_allows(cast: Cast, name: str) -> None:
    caller = cast.callers[name]
    for tenant in (cast.ours, cast.theirs):
        for kind, (type_name, action) in STORED.items():
            if kind not in tenant.ids:
                continue
            text = f"query ($id: ID!) {{ node(id: $id) {{ ... on {type_name} {selection(type_name, 0)} }} }}"
            answer = await cast.ask(text, name, id=tenant.ids[kind])
            if name == SUSPENDED:
                assert code_of(answer) == "UNAUTHENTICATED"
                continue
            assert code_of(answer) is None, answer
            own = kind is Kind.REGISTRAR or (caller is not None and may_see(caller, tenant.participant.id))
            there = action is None or (allowed(caller, action) and own)
            assert (answer["data"]["node"] is not None) is there, (kind, answer)


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
async def test_a_relation_is_null_for_whom_the_policy_does_not_allow(cast: Cast) -> None:
    kinds = {type_name: kind for kind, (type_name, _) in STORED.items()}
    await integrate(cast)
    shown: set[tuple[str, str]] = set()
    for type_name, field_name in RELATIONS:
        field = field_of(type_name, field_name)
        action = only_for(field)
        assert action is not None
        inner = selection(get_named_type(field.type).name, 0)
        asked = f"{{ it: {field_name}{ARGUMENTS.get(field_name, '')} {inner} }}"
        if type_name in INSIDE:
            document, path = INSIDE[type_name]
            kind = {"Actor": Kind.RECORD, "Contact": Kind.PARTICIPANT}.get(type_name)
        else:
            document = "query ($id: ID!) {{ node(id: $id) {{ ... on " + type_name + " {field} }} }}"
            path, kind = ("node",), kinds[type_name]
        for name in NAMES:
            if name == SUSPENDED:
                continue
            variables = {"id": cast.ours.ids[kind]} if kind else {}
            answer = await cast.ask(document.format(field=asked), name, **variables)
            assert code_of(answer) is None, (type_name, field_name, name, answer)
            found: Any = answer["data"]
            for step in path:
                found = found and found[step]
            if not found:
                continue
            if not allowed(cast.callers[name], action):
                assert found["it"] is None, (type_name, field_name, name)
            elif found["it"] is not None:
                shown.add((type_name, field_name))
    assert set(RELATIONS) - shown == set()
