"""How often a query goes to the database: not once for each row."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from service.access import Permission
from service.storage.database import open_database
from tests.databases import open_wire_database
from tests.schema.serving import Served, open_served
from tests.service.institutions import OFFICER, OTHER_USCC, Institutions, caller_for

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Commands(CommandListener):
    sent: list[str] = field(default_factory=list)

    def started(self, event: CommandStartedEvent) -> None:
        self.sent.append(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


@dataclass(frozen=True)
class Counted:
    served: Served
    commands: Commands
    theirs: dict[str, str]  # ids of the second participant's

    async def count(self, text: str) -> int:
        return len(await self.sent(text, "officer"))

    async def sent(self, text: str, token: str, **variables: str) -> list[str]:
        """What the database was asked for one answer."""
        self.commands.sent.clear()
        await self.served.data(text, token, **variables)
        return [*self.commands.sent]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counted(wire_uri: str) -> AsyncIterator[Counted]:
    """Two participants of 26 operators each."""
    commands = Commands()
    async with open_wire_database(wire_uri) as database:
        institutions = Institutions(database)
        ours, theirs = await institutions.open(), await institutions.open(OTHER_USCC, "ISS001")
        for opened in (ours, theirs):
            for number in range(25):
                await institutions.register(opened[1], f"{100 + number:06}", permissions=[Permission.OPERATOR_READ])
        async with (
            open_database(wire_uri, database.world, listeners=[commands]) as listening,
            open_served(listening, institutions.clock) as served,
        ):
            served.callers.update(officer=OFFICER, admin=caller_for(ours[1]))
            yield Counted(served, commands, {"participant": theirs[0].id, "operator": theirs[1].id})


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ("id name permissions smsSubscriptions { topic }", 1),
        ("permissions participant { legalName services { service } }", 2),
        ("participant { legalName } leastPrivilege { unused }", 3),
        ("a: leastPrivilege(days: 7) { unused } b: leastPrivilege(days: 30) { unused }", 3),
    ],
)
async def test_a_page_of_fifty_operators_costs_no_more_commands_than_one_of_two(
    counted: Counted, fields: str, limit: int
) -> None:
    pages = [await counted.count(f"{{ operators(first: {size}) {{ nodes {{ {fields} }} }} }}") for size in (2, 50)]
    assert pages == [limit, limit], counted.commands.sent


async def test_records_with_their_actors_and_subjects_are_read_kind_by_kind(counted: Counted) -> None:
    fields = "nodes { kind participant { id } subject { id } actor { operator { name } } }"
    found = [await counted.count(f"{{ records(first: {size}) {{ {fields} }} }}") for size in (10, 50)]
    assert found[1] <= 5
    assert found[0] <= found[1]


async def test_fifty_nodes_of_one_kind_are_one_command(counted: Counted) -> None:
    page = await counted.served.data("{ operators(first: 50) { nodes { id } } }", "officer")
    ids = ", ".join(f'"{each["id"]}"' for each in page["operators"]["nodes"])
    assert await counted.count(f"{{ nodes(ids: [{ids}]) {{ id }} }}") == 1


async def test_more_than_fifty_nodes_are_refused_by_number(counted: Counted) -> None:
    ids = ", ".join(['"live-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ"'] * 51)
    answer = await counted.served.ask(f"{{ nodes(ids: [{ids}]) {{ id }} }}", "officer")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "50" in answer["errors"][0]["message"]


async def test_a_count_is_made_only_for_who_asks(counted: Counted) -> None:
    assert await counted.count("{ operators(first: 5) { nodes { id } } }") == 1
    assert await counted.count("{ operators(first: 5) { totalCount nodes { id } } }") == 2


@pytest.mark.parametrize(
    ("of", "text"),
    [
        ("operator", "query ($id: ID!) { node(id: $id) { id } }"),
        ("operator", "query ($id: ID!) { nodes(ids: [$id, $id]) { id } }"),
        ("operator", "query ($id: ID!) { operator(id: $id) { id participant { id } } }"),
        ("participant", "query ($id: ID!) { participant(id: $id) { id leaverReport { concerns } } }"),
        ("participant", "query ($id: ID!) { operators(filter: {participantId: $id}) { totalCount nodes { id } } }"),
        ("participant", "query ($id: ID!) { records(filter: {participantId: $id}) { totalCount nodes { id } } }"),
        ("operator", "mutation ($id: ID!) { freezeOperator(input: {operatorId: $id}) { refusals { code } } }"),
        (
            "operator",
            "mutation ($id: ID!) { offboardOperator(input: {operatorId: $id, reason: LEFT}) { refusals { code } } }",
        ),
    ],
)
async def test_an_id_of_anothers_costs_what_one_of_nothing_costs(counted: Counted, of: str, text: str) -> None:
    theirs = counted.theirs[of]
    nothing = theirs[:-26] + "01K9ZZZZZZZZZZZZZZZZZZZZZZ"
    assert await counted.sent(text, "admin", id=theirs) == await counted.sent(text, "admin", id=nothing)
