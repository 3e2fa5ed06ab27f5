"""One HTTP/1.1 POST to one checked address, over h11: no redirect followed, no proxy, little read, an end in time."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

import h11

from sandbox.webhooks.addresses import AddressBook, Forbidden, Target
from sandbox.webhooks.resolving import NoTurn

SECONDS = 5.0  # from the first look at the name to the last byte read
MOST_HEAD = 16_384  # bytes of the answer's status line and headers
MOST_BODY = 4_096  # bytes of the answer's body that are read; the rest is not
_CHUNK = 4_096


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `head` is its status line and headers, `body` at most MOST_BODY bytes."""

    status: int
    head: str
    body: bytes
    retry_after: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt: what went out, and what came back or why nothing did.

    `begun` is False where it was none: the name's turn to be looked up did not come, which is not the endpoint's doing.
    """

    request_head: str
    answer: Answer | None
    problem: str | None
    milliseconds: int
    begun: bool = True


class Sender:
    """Sends to where the address book allows. Makes one connection an attempt and keeps none."""

    def __init__(self, book: AddressBook, *, seconds: float = SECONDS, tls: ssl.SSLContext | None = None) -> None:
        self._book = book
        self._seconds = seconds
        self._tls = tls or ssl.create_default_context()

    async def post(self, tenant_id: str, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        """On behalf of a tenant. Never raises for what the other side does, or where it is."""
        at, begun, problem, answer, head = time.monotonic(), True, None, None, ""
        try:
            async with asyncio.timeout(self._seconds):
                target = self._book.ensure_allowed(url)
                request = _request(target, headers, body)
                head = _head(request)
                answer = await self._exchange(tenant_id, target, request, body)
        except TimeoutError:
            problem = f"No whole answer came within {self._seconds:g} s."
        except Forbidden as error:
            problem = error.message
        except ssl.SSLError as error:
            problem = f"TLS failed: {getattr(error, 'verify_message', '') or error.reason or 'no reason given'}."
        except NoTurn:
            begun = False
        except OSError as error:
            problem = f"There is no connection: {error.strerror or type(error).__name__}."
        except h11.RemoteProtocolError:
            problem = "What answered was not HTTP, or too long a head."
        return Sent(head, answer, problem, round((time.monotonic() - at) * 1000), begun)

    async def _exchange(self, tenant_id: str, target: Target, request: h11.Request, body: bytes) -> Answer:
        address = await self._book.address_of(tenant_id, target)
        reader, writer = await asyncio.open_connection(
            address,
            target.port,
            ssl=self._tls if target.secure else None,
            server_hostname=target.host if target.secure else None,
        )
        try:
            wire = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)
            for event in (request, h11.Data(body), h11.EndOfMessage()):
                writer.write(wire.send(event) or b"")
            with contextlib.suppress(ConnectionError):  # whoever answers early and hangs up has answered
                await writer.drain()
            return await _answer(wire, reader)
        finally:
            writer.transport.abort()  # without a farewell: whoever says nothing would keep us waiting for his


async def _answer(wire: h11.Connection, reader: asyncio.StreamReader) -> Answer:
    """The final response and the beginning of its body. Raises h11.RemoteProtocolError, OSError."""
    response: h11.Response | None = None
    body = b""
    while True:
        match wire.next_event():
            case h11.Response() as response:
                pass
            case h11.Data(data=data):
                body += bytes(data)
            case h11.EndOfMessage() | h11.ConnectionClosed() | h11.PAUSED:
                break
            case h11.NEED_DATA:
                wire.receive_data(await reader.read(_CHUNK))
        if len(body) >= MOST_BODY:
            break
    if response is None:
        raise h11.RemoteProtocolError("no response")
    after = next((value for name, value in response.headers if name == b"retry-after"), None)
    return Answer(
        response.status_code, _head(response), body[:MOST_BODY], after.decode("latin-1") if after is not None else None
    )


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> h11.Request:
    own = {"Host": target.authority, **headers, "Content-Length": str(len(body)), "Connection": "close"}
    return h11.Request(method="POST", target=target.path, headers=list(own.items()))


def _head(event: h11.Request | h11.Response) -> str:
    """As it stands on the wire."""
    if isinstance(event, h11.Request):
        first = b"%s %s HTTP/1.1" % (event.method, event.target)
    else:
        first = b"HTTP/%s %d %s" % (event.http_version, event.status_code, event.reason)
    return b"\r\n".join([first, *(b"%s: %s" % each for each in event.headers.raw_items())]).decode("latin-1")
