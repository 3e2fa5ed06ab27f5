"""Through the whole application: nothing private is in what is stored, by whichever door it came in."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.bootstrap import Ground
from sandbox.inspector.exchanges import Outcome, Protocol
from sandbox.storage.exchanges import EXCHANGES
from tests.sandbox.inspector.test_masking import JWT, PEM, TENANT_SECRET
from tests.sandbox.tenancy import join, open_application
from tests.schema.test_websockets import Socket, subscribe

pytestmark = pytest.mark.wire

PRIVATE = {"telephone": "+8613812345678", "key": PEM, "token": JWT, "secret": TENANT_SECRET, "name": "欧阳修竹"}
REGISTER = "mutation ($i: RegisterOperatorInput!) { registerOperator(input: $i) { refusals { code message } } }"


@pytest.fixture
async def served(wire_uri: str, tmp_path: Path) -> AsyncIterator[tuple[Ground, Any, httpx.AsyncClient]]:
    async with open_application(wire_uri, tmp_path) as (app, client):
        yield app.state.ground, app, client


async def test_nothing_private_is_stored_by_whichever_door_it_came_in(
    served: tuple[Ground, Any, httpx.AsyncClient],
) -> None:
    ground, _, client = served
    tenancy = await join(client)
    for private in PRIVATE.values():
        literal = private.replace("\n", "\\n")
        await tenancy.ask(REGISTER, i={"operatorNumber": "000001", "name": private, "role": "OPERATOR"})
        await tenancy.ask(REGISTER, i={"operatorNumber": "000009", "telephone": private})  # a variable that is wrong
        await tenancy.ask(f'{{ operators(filter: {{telephone: "{literal}"}}) {{ nodes {{ id }} }} }}')
        await tenancy.ask(f'{{ operators(filter: {{text: "{literal}"}} {{ nodes }}')  # and a document
        await tenancy.log_in(f"{private[:20]}.{literal}")
        if private == PRIVATE["name"]:  # which only its place tells
            continue
        headers = {"x-request-id": "sbx_secret_in_an_id", "authorization": f"Bearer {await tenancy.token()}"}
        await client.get("/graphql", params={"query": f'{{ node(id: "{literal}") {{ id }} }}'}, headers=headers)
    answered = [
        each async for each in ground.sandbox.exchanges.since(tenancy.id, ground.sandbox.clock.now().replace(year=2020))
    ]
    assert len(answered) >= 4 * len(PRIVATE)
    kept = str(await ground.sandbox.database.collection(EXCHANGES).find({}).to_list(None))
    for private in ("13812345678", "MIGHAgEAMBMGByq", JWT, TENANT_SECRET[:24], "欧阳修竹", "sbx_secret_in_an_id"):
        assert private not in kept
    for token in tenancy.tokens.values():
        assert token not in kept


async def test_each_operation_on_a_websocket_is_an_exchange_and_one_turned_away_is_its_owners(
    served: tuple[Ground, Any, httpx.AsyncClient],
) -> None:
    ground, app, client = served
    tenancy = await join(client)
    token = await tenancy.token("OPERATOR")
    socket = Socket(app, {}, ["graphql-transport-ws"])
    await socket.message()
    await socket.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
    await socket.receive()
    for id_, query in (("1", "query Over { viewer { kind } }"), ("2", "query Wrong { nothing }")):
        await socket.send(subscribe(query, id_))
        while (await socket.receive())["type"] == "next":
            pass
    await socket.leave()
    freeze = "mutation ($id: ID!) { freezeOperator(input: {operatorId: $id}) { refusals { code } } }"
    await tenancy.ask(freeze, id=tenancy.people["OPERATOR"].client_id)
    late = Socket(app, {}, ["graphql-transport-ws"])
    await late.message()
    await late.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
    assert await late.closed() == 4403
    await late.leave()
    found = [
        each async for each in ground.sandbox.exchanges.since(tenancy.id, ground.sandbox.clock.now().replace(year=2020))
    ]
    over, wrong, turned_away = (each for each in found if each.protocol is Protocol.WEBSOCKET)
    assert (over.operation_name, over.outcome, over.status) == ("Over", Outcome.OK, 101)
    assert over.digest is not None
    assert (wrong.operation_name, wrong.codes) == ("Wrong", ("GRAPHQL_VALIDATION_FAILED",))
    assert (turned_away.codes, turned_away.outcome) == (("UNAUTHENTICATED",), Outcome.FAILED)
    assert {each.operator_id for each in (over, wrong, turned_away)} == {tenancy.people["OPERATOR"].client_id}
