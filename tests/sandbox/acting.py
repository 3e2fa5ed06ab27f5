"""A sandbox as it is served, in this process, with people who log in, ask over HTTP, and name outcomes."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette

from sandbox.app import application
from sandbox.personas.credentials import Credential, Credentials, personas_directory
from sandbox.tenants.join_command import request_of
from service.bootstrap import Services
from service.http.tokens import ASSERTION_TYPE
from tests.sandbox.opening import key_request, prepared_settings

HEADER = "X-PROP-Test-Scenario"


@dataclass(frozen=True)
class Party:
    """A tenant, and its administrator's means to log in."""

    id: str
    secret: str
    credential: Credential


@dataclass
class Stage:
    app: Starlette
    client: httpx.AsyncClient
    data_dir: Path

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    def persona(self, name: str) -> Credential:
        credential = Credentials(personas_directory(self.data_dir)).find(name)
        assert credential is not None
        return credential

    async def log_in(self, credential: Credential, scenario: str | None = None) -> httpx.Response:
        tokens = self.services.tokens
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": credential.assertion(tokens.endpoint, self.services.clock.now()),
        }
        return await self.client.post("/oauth/token", data=form, headers=_named(scenario))

    async def token(self, credential: Credential) -> str:
        answer = await self.log_in(credential)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def ask(
        self, query: str, token: str | None, scenario: str | None = None, path: str = "/graphql", **variables: Any
    ) -> httpx.Response:
        headers = {**_named(scenario), **({"authorization": f"Bearer {token}"} if token else {})}
        return await self.client.post(path, json={"query": query, "variables": variables}, headers=headers)

    async def control(self, query: str, secret: str, **variables: Any) -> dict[str, Any]:
        answer = (await self.ask(query, secret, path="/sandbox/graphql", **variables)).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def join(self) -> Party:
        key = ec.generate_private_key(ec.SECP256R1())
        keys = {"role": "ADMINISTRATOR", "login": request_of(key), "seal": key_request()}
        joined = (await self.client.post("/sandbox/join", json={"operators": [keys]})).json()
        operator = joined["operators"][0]
        pem = next(each["pem"] for each in operator["certificates"] if each["profile"] == "LOGIN")
        certificate = x509.load_pem_x509_certificate(pem.encode())
        return Party(joined["tenant"]["id"], joined["secret"], Credential(operator["id"], certificate, key))


def _named(scenario: str | None) -> dict[str, str]:
    return {HEADER: scenario} if scenario else {}


def plain(answer: httpx.Response) -> tuple[int, Any, Mapping[str, str]]:
    """Status, body and headers but for what each answer has of its own, and what an outcome on demand is marked by."""
    body = json.loads(answer.content)
    body.pop("askedFor", None)
    body.get("extensions", {}).get("prop", {}).pop("askedFor", None)
    own = {"x-request-id", "x-prop-asked-for", "content-length", "date"}
    return answer.status_code, body, {name: value for name, value in answer.headers.items() if name not in own}


@asynccontextmanager
async def open_stage(uri: str, directory: Path, **settings: str) -> AsyncIterator[Stage]:
    async with prepared_settings(uri, directory, **settings) as prepared:
        app = application(prepared)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://sandbox.test", timeout=30) as client,
        ):
            yield Stage(app, client, directory)
