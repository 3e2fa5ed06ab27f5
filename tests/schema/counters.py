"""The depository's counter for tests: certificates over GraphQL, above services whose clock a test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from service.operators import Operator
from tests.databases import open_wire_database
from tests.schema.serving import Served, open_served
from tests.service.certifying import Certifying
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, caller_for


@dataclass
class Counter:
    """Two participants with an administrator each ("admin", "stranger"), an "officer" and a "reviewer"."""

    served: Served
    desk: Certifying
    administrator: Operator
    stranger: Operator

    async def data(self, query: str, by: str, **variables: Any) -> Any:
        return await self.served.data(query, by, **variables)

    async def act(self, mutation: str, by: str, fields: str, **given: Any) -> dict[str, Any]:
        """The payload. `fields` are those asked for beside the refusals and the receipt."""
        kind = mutation[0].upper() + mutation[1:]
        text = (
            f"mutation ($input: {kind}Input!) {{ it: {mutation}(input: $input) {{ {fields} receipt {{ kind }} "
            "refusals { code article field message messageZh } } }"
        )
        payload: dict[str, Any] = (await self.data(text, by, input=given))["it"]
        return payload

    async def refused(self, mutation: str, by: str, **given: Any) -> str:
        """The code of the one refusal, which is said in both languages."""
        (refusal,) = (await self.act(mutation, by, "", **given))["refusals"]
        assert refusal["message"]
        assert refusal["messageZh"]
        return str(refusal["code"])


@asynccontextmanager
async def open_counter(uri: str) -> AsyncIterator[Counter]:
    """An authority issues, and one elsewhere is trusted: `desk.outside`."""
    with NamedTemporaryFile(suffix=".pem") as roots:
        async with open_wire_database(uri) as database:
            desk = Certifying(database)
            roots.write(desk.outside.root.public_bytes(Encoding.PEM))
            roots.flush()
            async with _open(desk, Path(roots.name)) as counter:
                yield counter


@asynccontextmanager
async def _open(desk: Certifying, outside: Path) -> AsyncIterator[Counter]:
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    settings = {"authority": desk.authority, "outside_root_certificates_file": outside}
    async with open_served(desk.database, desk.clock, **settings) as served:
        served.callers.update(
            admin=caller_for(administrator), stranger=caller_for(stranger), officer=OFFICER, reviewer=REVIEWER
        )
        yield Counter(served, desk, administrator, stranger)
