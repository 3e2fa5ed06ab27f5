"""A tenant over HTTP: it joins, logs in with its own keys, asks the service and rules its corner."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette

from sandbox.app import application
from sandbox.personas.credentials import Credential
from sandbox.tenants.join_command import request_of
from service.http.tokens import ASSERTION_TYPE, GRANT
from tests.sandbox.opening import prepared_settings

ROLES = ("ADMINISTRATOR", "OPERATOR", "REVIEWER")


@dataclass
class Tenancy:
    """One that joined. `people` are its operators' credentials by role."""

    client: httpx.AsyncClient = field(repr=False)
    id: str
    secret: str = field(repr=False)
    endpoint: str
    people: dict[str, Credential]
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    async def control(self, query: str, **variables: object) -> dict[str, Any]:
        return await self._post("/sandbox/graphql", query, variables, self.secret)

    async def ruled(self, query: str, **variables: object) -> dict[str, Any]:
        """The data of a control answer without errors."""
        answer = await self.control(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"])

    async def ask(self, query: str, role: str = "ADMINISTRATOR", **variables: object) -> dict[str, Any]:
        return await self._post("/graphql", query, variables, await self.token(role))

    async def token(self, role: str = "ADMINISTRATOR") -> str:
        if role not in self.tokens:
            answer = await self.log_in(self.people[role].assertion(self.endpoint, datetime.now(UTC)))
            assert answer.status_code == 200, answer.text
            self.tokens[role] = answer.json()["access_token"]
        return self.tokens[role]

    async def log_in(self, assertion: str) -> httpx.Response:
        form = {"grant_type": GRANT, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await self.client.post("/oauth/token", content=urlencode(form), headers=headers)

    async def _post(self, path: str, query: str, variables: dict[str, object], bearer: str) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        answer = await self.client.post(path, json=body, headers={"authorization": f"Bearer {bearer}"})
        return dict(answer.json())


async def join(client: httpx.AsyncClient) -> Tenancy:
    keys = {role: ec.generate_private_key(ec.SECP256R1()) for role in ROLES}
    operators = [{"role": role, "login": request_of(key)} for role, key in keys.items()]
    answer = await client.post("/sandbox/join", json={"operators": operators})
    assert answer.status_code == 201, answer.text
    joined = json.loads(answer.text)
    people = {}
    for each in joined["operators"]:
        pem = next(one["pem"] for one in each["certificates"] if one["profile"] == "LOGIN")
        certificate = x509.load_pem_x509_certificate(pem.encode())
        people[each["role"]] = Credential(each["id"], certificate, keys[each["role"]])
    return Tenancy(client, joined["tenant"]["id"], joined["secret"], joined["token"], people)


@asynccontextmanager
async def open_application(
    uri: str, directory: Path, **environ: str
) -> AsyncIterator[tuple[Starlette, httpx.AsyncClient]]:
    """A sandbox as it is served, asked without a socket."""
    async with prepared_settings(uri, directory, **environ) as settings:
        app = application(settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://sandbox", timeout=30) as client,
        ):
            yield app, client
