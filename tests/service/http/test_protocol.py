"""One connection: what it may send ahead of its answers, what it may leave untaken, and what it is refused."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.server import ServerState

from service.http.marks import Message, Receive, Scope, Send
from service.http.protocol import MOST_WAITING, BoundedProtocol
from service.world import PRODUCTION

HELLO = b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
CHUNKED = b"POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
HEADER_BYTES = 1_000
OK = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}


class Transport(asyncio.Transport):
    """A connection whose client takes nothing unless told to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading, self.closing, self.aborted = True, False, False
        self.cut_off = asyncio.Event()

    def write(self, data: Any) -> None:
        if not self.closing:
            self.written += data

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True
        self.cut_off.set()

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Application:
    """Answers when it is let, and keeps what it was asked."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[Scope] = asyncio.Queue()
        self.let = asyncio.Semaphore(0)
        self.answered: asyncio.Queue[None] = asyncio.Queue()
        self.bodies: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun.put_nowait(scope)
        if scope["method"] == "POST":
            self.bodies.append(await receive())
        await self.let.acquire()
        await send(dict(OK))
        await send({"type": "http.response.body"})
        self.answered.put_nowait(None)


class Connection:
    def __init__(self) -> None:
        self.application, self.transport, self.limits = Application(), Transport(), list[str]()
        self.config = SimpleNamespace(
            loaded=True,
            loaded_app=self.application,
            ws_protocol_class=None,
            root_path="",
            asgi_version="3.0",
            limit_concurrency=None,
            timeout_keep_alive=75,
            reset_contextvars=False,
            world=PRODUCTION,
            header_bytes=HEADER_BYTES,
            head_seconds=60,
            taking_seconds=0.01,
            most_connections=10,
            turned_away=SimpleNamespace(note=self.limits.append),
        )
        self.state = ServerState()
        self.protocol = BoundedProtocol(self.config, self.state, {})  # type: ignore[arg-type]  # as much of it as is read

    def open(self) -> None:
        self.protocol.connection_made(self.transport)

    def send(self, data: bytes) -> None:
        self.protocol.data_received(data)

    async def answer(self) -> None:
        self.application.let.release()
        await self.application.answered.get()

    async def is_cut_off(self) -> bool:
        async with asyncio.timeout(10):
            return await self.transport.cut_off.wait()


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    connection = Connection()
    connection.open()
    yield connection
    connection.protocol.connection_lost(None)
    for task in connection.state.tasks:
        task.cancel()


async def test_requests_that_come_ahead_of_their_answers_wait_in_turn_and_no_more_is_read(connection: Connection):
    connection.send(HELLO * 4)
    for left in (3, 2, 1):
        assert not connection.transport.reading, left
        await connection.answer()
    assert len(connection.protocol.pipeline) == 0
    await connection.answer()
    assert connection.transport.reading
    assert connection.transport.written.count(b"HTTP/1.1 200 ") == 4


async def test_a_request_that_is_read_does_not_let_more_come_in_behind_those_that_wait(connection: Connection):
    connection.send(b"POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx" + HELLO)
    await connection.application.begun.get()
    assert [each["body"] for each in connection.application.bodies] == [b"x"]
    assert not connection.transport.reading


async def test_who_sends_too_many_requests_ahead_loses_the_connection(connection: Connection):
    connection.send(HELLO * 5_000)
    assert connection.transport.aborted
    assert len(connection.protocol.pipeline) == MOST_WAITING
    assert connection.limits == ["pipeline"]


async def test_a_request_that_others_wait_behind_is_told_that_its_client_has_gone(connection: Connection):
    connection.send(HELLO * 2)
    await connection.application.begun.get()
    connection.protocol.connection_lost(ConnectionResetError())
    await connection.answer()
    assert connection.transport.written == b""


async def test_a_trailer_is_no_header(connection: Connection):
    connection.send(CHUNKED + b"1\r\nx\r\n0\r\nX-Forwarded-For: 10.0.0.1\r\nAuthorization: Bearer x\r\n\r\n" + HELLO)
    scope = await connection.application.begun.get()
    assert [name for name, _ in scope["headers"]] == [b"host", b"transfer-encoding"]
    assert len(connection.protocol.pipeline) == 1


@pytest.mark.parametrize("part", [b"a" * 100, b"X-One: 1\r\n" * 10])
async def test_trailers_without_end_are_refused(connection: Connection, part: bytes):
    connection.send(CHUNKED + b"1\r\nx\r\n0\r\nX-Endless: ")
    for _ in range(HEADER_BYTES // len(part) + 1):
        connection.send(part)
    assert connection.transport.written.startswith(b"HTTP/1.1 431 ")
    assert connection.transport.closing
    assert connection.limits == ["headers"]


async def test_a_body_in_many_pieces_is_held_to_no_bound_of_a_head(connection: Connection):
    connection.send(CHUNKED)
    for _ in range(100):
        connection.send(b"64\r\n" + b"a" * 100 + b"\r\n")
    assert not connection.transport.closing


async def test_who_does_not_take_an_answer_loses_the_connection(connection: Connection):
    connection.protocol.pause_writing()
    assert await connection.is_cut_off()
    assert connection.limits == ["taking_seconds"]


async def test_who_takes_an_answer_in_time_keeps_the_connection(connection: Connection):
    connection.protocol.pause_writing()
    connection.protocol.resume_writing()
    assert connection.protocol._patience is None  # that nothing will happen shows nowhere else


async def test_what_is_left_after_the_end_is_not_waited_for(connection: Connection):
    connection.send(HELLO.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    await connection.answer()
    assert connection.transport.closing
    assert not connection.transport.aborted
    assert await connection.is_cut_off()


async def test_what_is_left_after_a_rest_or_a_refusal_is_not_waited_for():
    for end in (BoundedProtocol.timeout_keep_alive_handler, lambda protocol: protocol.send_400_response("Bad.")):
        connection = Connection()
        connection.open()
        end(connection.protocol)
        assert connection.transport.closing
        assert await connection.is_cut_off()
        connection.protocol.connection_lost(None)


async def test_after_a_refusal_nothing_of_the_same_read_begins(connection: Connection):
    connection.send(HELLO.replace(b"h\r\n", b"h\r\nX-Long: " + b"a" * HEADER_BYTES + b"\r\n", 1) + HELLO * 3)
    assert connection.transport.written.count(b"HTTP/1.1 ") == 1
    assert connection.transport.written.startswith(b"HTTP/1.1 431 ")
    assert connection.application.begun.empty()
    assert not connection.state.tasks
    assert connection.limits == ["headers"]


async def test_requests_of_one_connection_too_many_are_refused_once_and_those_far_beyond_unheard():
    (*_, crowded, unheard), state = (connections := [Connection() for _ in range(3)]), ServerState()
    for each in connections:
        each.config.most_connections, each.protocol.connections = 1, state.connections
        each.open()
    crowded.send(HELLO * 3)
    assert crowded.transport.written.count(b"HTTP/1.1 503 ") == 1
    assert crowded.limits == ["connections"]
    assert unheard.transport.aborted
    assert unheard.limits == ["connections_unheard"]
    for each in connections:
        each.protocol.connection_lost(None)


@pytest.mark.parametrize("ahead", [1, 2])
@pytest.mark.parametrize("bad", [b"\x16\x03\x01\r\n\r\n", HELLO[:-2] + b"X: " + b"a" * HEADER_BYTES + b"\r\n\r\n"])
async def test_a_refusal_is_not_to_be_taken_for_the_answer_to_what_came_before(
    connection: Connection, ahead: int, bad: bytes
):
    connection.send(HELLO * ahead)
    connection.send(bad)
    assert connection.transport.written == b""
    assert connection.transport.closing
    assert len(connection.limits) == 1


async def test_what_breaks_off_within_a_body_is_answered(connection: Connection):
    connection.send(CHUNKED + b"no length\r\n")
    assert connection.transport.written.startswith(b"HTTP/1.1 400 ")
    assert connection.limits == ["malformed"]
