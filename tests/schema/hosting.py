"""The application as it is deployed, on a port of its own, with people who log in by certificate as they really do."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64encode
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect

from schema.hosting import hosted
from service.access import SYSTEM, RegistrarRole
from service.agreement_digest import read_digest
from service.applications import ApplicationCommand
from service.bootstrap import Services
from service.certificates import Certificate, CertificateProfile, CertificateState
from service.identifiers import Kind, new_id
from service.operators import Operator
from service.participants import Participant
from service.pki.profiles import OperatorHolder, RegistrarHolder
from service.registrars import Registrar, RegistrarStatus
from service.storage.certificates import CertificateStore
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore
from service.storage.registrars import RegistrarStore
from service.world import World
from tests.clocks import MovedClock
from tests.schema.making import make_settings
from tests.service.institutions import OFFICER, REVIEWER, USCC, make_access
from tests.service.pki.authorities import Ceremony, make_ceremony


@dataclass(frozen=True)
class Person:
    """Somebody with a key and a LOGIN certificate."""

    id: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: Certificate = field(repr=False)

    @property
    def jwk(self) -> ECKey:
        return ECKey.import_key(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @property
    def thumbprint(self) -> str:
        return urlsafe_b64encode(bytes.fromhex(self.certificate.fingerprint or "")).decode()


@dataclass
class Hosted:
    """A running service, and the tokens of those who have logged in."""

    address: str
    client: httpx.AsyncClient
    app: Starlette
    ceremony: Ceremony
    clock: MovedClock
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    async def add_registrar(self, number: str, role: RegistrarRole) -> Person:
        at = datetime.now(UTC)
        registrar = Registrar(
            id=new_id(self.services.world, Kind.REGISTRAR, at),
            version=1,
            number=number,
            name=f"registrar {number}",
            role=role,
            status=RegistrarStatus.ACTIVE,
            added_at=at,
        )
        await RegistrarStore(self.services.database).insert(None, registrar)
        return await self._certified(registrar.id, RegistrarHolder(number), registrar_id=registrar.id)

    async def publish_agreement(self) -> None:
        digest, agreements = read_digest(), self.services.agreements
        effective = date(2020, 1, 1)
        await agreements.import_draft(
            SYSTEM, digest.chinese_data, number=1, effective_from=effective, english=digest.english_data, is_digest=True
        )
        await self.services.publications.publish(SYSTEM, 1)

    async def open_participant(self, uscc: str = USCC, code: str = "BRK001") -> tuple[Participant, Operator]:
        """An opened participant with its first administrator. The agreement must be published."""
        applications = self.services.applications
        applied = await applications.apply_for_access(REVIEWER, make_access(uscc, code))
        await applications.review(OFFICER, applied.subject.id, ApplicationCommand.APPROVE)
        participant = await ParticipantStore(self.services.database).find(applied.subject.participant_id)
        assert participant is not None
        administrator = await OperatorStore(self.services.database).find_by_number(participant.id, "000001")
        assert administrator is not None
        return participant, administrator

    async def certify(self, participant: Participant, operator: Operator) -> Person:
        """Somebody to act as the operator, with a certificate of the world's authority."""
        holder = OperatorHolder(participant.participant_code, operator.operator_number)
        return await self._certified(operator.id, holder, operator_id=operator.id, participant_id=participant.id)

    async def _certified(self, holder_id: str, holder: OperatorHolder | RegistrarHolder, **whose: str) -> Person:
        key, at = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC) - timedelta(minutes=1)
        facts = self.ceremony.issue(holder=holder, key=key, at=at)
        stored = Certificate(
            id=new_id(self.services.world, Kind.CERTIFICATE, at),
            version=1,
            profile=CertificateProfile.LOGIN,
            state=CertificateState.ISSUED,
            serial_number=facts.serial,
            fingerprint=facts.fingerprint,
            subject=facts.subject,
            issuer=facts.issuer,
            not_before=facts.not_before,
            not_after=facts.not_after,
            pem=facts.certificate.public_bytes(Encoding.PEM).decode(),
            registered_at=at,
            **whose,
        )
        return Person(holder_id, key, await CertificateStore(self.services.database).insert(None, stored))

    async def log_in(self, person: Person) -> str:
        """A token, as a stock OAuth client gets it (RFC 7523, private_key_jwt). It is remembered for `ask`."""
        endpoint = f"{self.address}/oauth/token"
        async with AsyncOAuth2Client(person.id, person.jwk, token_endpoint_auth_method="private_key_jwt") as client:
            header, at = {"x5t#S256": person.thumbprint}, int(self.clock.now().timestamp())
            claims = {"iat": at, "exp": at + 60}
            client.register_client_auth_method(PrivateKeyJWT(endpoint, claims=claims, headers=header, alg="ES256"))
            token = await client.fetch_token(endpoint, grant_type="client_credentials")
        self.tokens[person.id] = token["access_token"]
        return self.tokens[person.id]

    async def ask(self, query: str, person: Person | str | None = None, **variables: Any) -> dict[str, Any]:
        """The whole answer. `person` is logged in if that has not happened yet, or is a token."""
        token = person if isinstance(person, str) or person is None else await self.token_of(person)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = await self.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        answer: dict[str, Any] = response.json()
        return answer

    async def token_of(self, person: Person) -> str:
        return self.tokens.get(person.id) or await self.log_in(person)

    async def data(self, query: str, person: Person | str | None = None, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = await self.ask(query, person, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    @asynccontextmanager
    async def subscribed(self, person: Person, query: str, **variables: Any) -> AsyncIterator["Subscribed"]:
        """A subscription over graphql-transport-ws, running when the context is entered."""
        token = await self.token_of(person)
        address = self.address.replace("http", "ws", 1) + "/graphql"
        async with connect(address, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]  # a NewType
            subscribed = Subscribed(socket)
            await subscribed.send(type="connection_init", payload={"Authorization": f"Bearer {token}"})
            assert (await subscribed.message())["type"] == "connection_ack"
            await subscribed.send(id="1", type="subscribe", payload={"query": query, "variables": variables})
            await asyncio.sleep(0.3)  # nothing in the protocol says that a subscription has begun
            yield subscribed

    async def events(self, person: Person, query: str) -> AsyncGenerator[tuple[str, Any]]:
        """The same over server-sent events: each event's name and data."""
        headers = {"Authorization": f"Bearer {await self.token_of(person)}", "Accept": "text/event-stream"}
        async with self.client.stream("POST", "/graphql", json={"query": query}, headers=headers) as response:
            name = ""
            async for line in response.aiter_lines():
                field_name, _, value = line.partition(": ")
                if field_name == "event":
                    name = value
                elif field_name == "data":
                    yield name, json.loads(value) if value else None


@dataclass
class Subscribed:
    """The client's end of a WebSocket with one subscription."""

    socket: ClientConnection

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def message(self, seconds: float = 5) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.socket.recv(), seconds))
        return message

    async def next(self, seconds: float = 5) -> Any:
        """The data of the next event."""
        message = await self.message(seconds)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def quiet(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        try:
            await self.message(seconds)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def open_hosted(
    uri: str, world: World, *, authority: Callable[[str], Mapping[str, object]] | None = None, **settings: Any
) -> AsyncIterator[Hosted]:
    """The world's databases must be initialised. Every setting but the address can be set.

    `authority` makes one for the address, and answers the settings of it. Without one nothing is issued here.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        given = {"mongo_uri": uri, "public_url": address, **(authority(address) if authority else {}), **settings}
        clock = MovedClock()
        app = hosted(world, make_settings(world, **given), clock)
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, lifespan="on", ws="websockets-sansio", timeout_graceful_shutdown=1)
        )
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # the signals are pytest's
        serving = asyncio.create_task(server._serve([listener]))
        while not server.started:
            assert not serving.done(), serving.result()
            await asyncio.sleep(0.01)
        ceremony = make_ceremony(world, datetime.now(UTC) - timedelta(days=1))
        async with httpx.AsyncClient(base_url=address, timeout=30) as client:
            try:
                yield Hosted(address, client, app, ceremony, clock)
            finally:
                app.state.face.drained.set()
                server.should_exit = True
                await serving
