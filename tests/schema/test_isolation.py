"""Two participants never meet: whatever one asks with an id of the other's answers as if there were no such thing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLInputObjectType, get_named_type

from service.access import Caller, CallerKind, OperatorRole, RegistrarRole
from service.identifiers import Kind
from service.policy import Action, may
from tests.schema.asking import SCHEMA, everything, value
from tests.schema.cast import Cast, Tenant, open_cast
from tests.service.institutions import OTHER_USCC, TELEPHONE

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

OURS = [f"{role.lower()}{suffix}" for role in OperatorRole for suffix in ("", " with nothing")]
UNKNOWN = "01K9ZZZZZZZZZZZZZZZZZZZZZZ"
DEPOSITORY = [f"registrar {role.lower()}" for role in RegistrarRole]
KINDS = {
    "participantId": Kind.PARTICIPANT,
    "operatorId": Kind.OPERATOR,
    "successorId": Kind.OPERATOR,
    "actorId": Kind.OPERATOR,
    "applicationId": Kind.APPLICATION,
    "proposalId": Kind.PROPOSAL,
    "taskId": Kind.TASK,
    "subjectId": Kind.OPERATOR,
    "certificateId": Kind.CERTIFICATE,
    "supersedesId": Kind.CERTIFICATE,
    "electronicKeyId": Kind.ELECTRONIC_KEY,
    "reminderId": Kind.REMINDER,
    "calendarId": Kind.CALENDAR,
}
OF_NO_TENANT = {"registrarId"}
FILTERS = {
    "operators": ("OperatorFilter", ("participantId",)),
    "applications": ("ApplicationFilter", ("participantId",)),
    "records": ("RecordFilter", ("participantId", "actorId", "subjectId")),
    "proposals": ("ProposalFilter", ("participantId", "subjectId")),
    "tasks": ("TaskFilter", ("participantId",)),
    "certificates": ("CertificateFilter", ("participantId", "operatorId")),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast(wire_uri: str) -> AsyncIterator[Cast]:
    async with open_cast(wire_uri) as cast:
        yield cast


def unknown(kind: Kind) -> str:
    return f"live-{kind.value}-{UNKNOWN}"


async def test_every_id_that_an_input_takes_is_in_this_test() -> None:
    inputs = [each for each in SCHEMA.type_map.values() if isinstance(each, GraphQLInputObjectType)]
    taken = {
        name
        for each in inputs
        for name, field in each.fields.items()
        if get_named_type(field.type).name == "ID" and name not in OF_NO_TENANT
    }
    assert taken == set(KINDS)
    assert {each.name for each in inputs if each.name.endswith("Filter")} - {"ParticipantFilter"} == {
        kind for kind, _ in FILTERS.values()
    }


async def assert_alike(cast: Cast, name: str, text: str, theirs: dict[str, Any], nothing: dict[str, Any]) -> None:
    answers = [await cast.raw(text, name, **variables) for variables in (theirs, nothing)]
    assert answers[0] == answers[1], (name, text, theirs)


@pytest.mark.parametrize("name", OURS)
async def test_their_ids_find_what_unknown_ids_find(cast: Cast, name: str) -> None:
    for kind, theirs in cast.theirs.ids.items():
        for text in (
            "query ($id: ID!) { node(id: $id) { __typename id } }",
            "query ($id: ID!) { nodes(ids: [$id, $id]) { __typename id } }",
            "query ($id: ID!) { participant(id: $id) { id legalName } }",
            "query ($id: ID!) { operator(id: $id) { id name } }",
            "query ($id: ID!) { application(id: $id) { id status } }",
        ):
            await assert_alike(cast, name, text, {"id": theirs}, {"id": unknown(kind)})
    by_code = "query ($code: String!) { participant(participantCode: $code) { id } }"
    await assert_alike(cast, name, by_code, {"code": "ISS001"}, {"code": "ISS999"})


@pytest.mark.parametrize("name", OURS)
async def test_a_filter_for_theirs_finds_what_a_filter_for_nothing_finds(cast: Cast, name: str) -> None:
    for root, (kind, fields) in FILTERS.items():
        text = f"query ($f: {kind}) {{ {root}(filter: $f) {{ totalCount nodes {{ id }} pageInfo {{ endCursor }} }} }}"
        for each in fields:
            theirs = [theirs for of, theirs in cast.theirs.ids.items() if each == "subjectId" or of is KINDS[each]]
            for id_ in theirs:
                await assert_alike(cast, name, text, {"f": {each: id_}}, {"f": {each: unknown(KINDS[each])}})
    text = "query ($f: ParticipantFilter) { participants(filter: $f) { totalCount nodes { id } } }"
    await assert_alike(cast, name, text, {"f": {"uscc": OTHER_USCC}}, {"f": {"uscc": "91440300708461136T"}})
    await assert_alike(cast, name, text, {"f": {"text": "ISS001"}}, {"f": {"text": "ISS999"}})


@pytest.mark.parametrize("name", OURS)
async def test_a_mutation_of_theirs_is_refused_as_one_of_nothing(cast: Cast, name: str) -> None:
    assert SCHEMA.mutation_type is not None
    for mutation, field in SCHEMA.mutation_type.fields.items():
        kind = field.args["input"].type
        text = f"""mutation ($input: {kind}) {{ {mutation}(input: $input) {{
            refusals {{ code message messageZh article field }} receipt {{ id }} proposal {{ id }} }} }}"""
        theirs = {each: cast.theirs.ids[of] for each, of in KINDS.items()}
        nothing = {each: unknown(of) for each, of in KINDS.items()}
        given = [value(kind, {**ids, "decision": "TAKE_UP"}) for ids in (theirs, nothing)]
        await assert_alike(cast, name, text, {"input": given[0]}, {"input": given[1]})


async def test_their_proposals_and_operators_are_nothing_beside_ours(cast: Cast) -> None:
    """The id of the subject is our own: only the second id is theirs."""
    permissions = """mutation ($p: ID!, $o: ID!) { changePermissions(
        input: {operatorId: $o, permissions: [CERTIFICATE_APPROVE], proposalId: $p}) { refusals { code message } } }"""
    offboard = """mutation ($p: ID!, $o: ID!) { offboardOperator(
        input: {operatorId: $o, reason: LEFT, successorId: $p}) { refusals { code message field } } }"""
    reviewer = cast.callers["reviewer with nothing"]
    assert reviewer is not None
    for text, own, kind in (
        (permissions, reviewer.id, Kind.PROPOSAL),
        (offboard, cast.ours.administrator.id, Kind.OPERATOR),
    ):
        theirs = {"o": own, "p": cast.theirs.ids[kind]}
        await assert_alike(cast, "administrator", text, theirs, {"o": own, "p": unknown(kind)})
        answer = await cast.ask(text, "administrator", **theirs)
        (payload,) = answer["data"].values()
        assert payload["refusals"], text


async def test_an_idempotency_key_of_theirs_is_free_for_us(cast: Cast) -> None:
    text = """mutation ($id: ID!) { freezeOperator(input: {operatorId: $id}, idempotencyKey: "same") {
        operator { id } refusals { code } } }"""
    theirs = await cast.ask(text, "stranger", id=unknown(Kind.OPERATOR))
    ours = await cast.ask(text, "administrator", id=cast.spare)
    assert theirs["data"]["freezeOperator"]["refusals"][0]["code"] == "OPERATOR_NOT_FOUND"
    assert ours["data"]["freezeOperator"] == {"operator": {"id": cast.spare}, "refusals": []}


async def all_that(cast: Cast, name: str, tenant: Tenant) -> bytes:
    """Whatever a caller can get to see, asked for once."""
    if name not in cast.seen:
        answers = [await cast.raw(text, name, id=tenant.ids[Kind.PARTICIPANT]) for text in everything()]
        cast.seen[name] = b"\n".join(answers)
    return cast.seen[name]


@pytest.mark.parametrize("name", ["anonymous", "suspended", *OURS])
async def test_nothing_of_theirs_is_in_all_that_we_can_ask_for(cast: Cast, name: str) -> None:
    marks = {*cast.theirs.ids.values(), *cast.theirs.records, OTHER_USCC, "ISS001"}
    marks -= {cast.theirs.ids[Kind.REGISTRAR]}  # the depository's staff act for both
    seen = await all_that(cast, name, cast.ours)
    assert not {mark for mark in marks if mark.encode() in seen}


@pytest.mark.parametrize("name", DEPOSITORY)
async def test_they_are_found_by_those_who_may_see_them(cast: Cast, name: str) -> None:
    """The marks that the test before looks for are really there to be found."""
    seen = await all_that(cast, name, cast.theirs)
    marks = {theirs for kind, theirs in cast.theirs.ids.items() if kind is not Kind.REGISTRAR} | {OTHER_USCC, "ISS001"}
    assert {mark for mark in marks if mark.encode() not in seen} == set()


@pytest.mark.parametrize("name", ["anonymous", "suspended", "stranger", *OURS, *DEPOSITORY])
async def test_personal_data_is_in_clear_for_nobody_but_who_may_reveal_it(cast: Cast, name: str) -> None:
    clear = {TELEPHONE, "李四", "li@example.com"}
    caller = cast.callers[name]
    tenant = cast.theirs if name in {"stranger", *DEPOSITORY} else cast.ours
    seen = await all_that(cast, name, tenant)
    found = {each for each in clear if each.encode() in seen}
    own = {TELEPHONE} if caller is not None and caller.kind is CallerKind.OPERATOR else set()
    reveals = caller is not None and may(caller, Action.REVEAL_PERSONAL_DATA)
    assert found == clear if reveals else found <= own


async def test_a_permission_without_a_participant_opens_nothing(cast: Cast) -> None:
    """A caller that no token can make: what the policy says of it is no."""
    full = cast.callers["administrator"]
    assert full is not None
    cast.callers["stateless"] = Caller(CallerKind.OPERATOR, full.id, None, full.role, permissions=full.permissions)
    answer = await cast.ask("{ operators { totalCount } }", "stateless")
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
