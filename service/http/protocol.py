"""HTTP/1.1 as uvicorn speaks it, with bounds on connections, on what waits on each, and on the head of a request, in
length and in time, and with marks on what it refuses itself."""

import asyncio
from collections.abc import Sized
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.errors import ErrorCode
from service.http.marks import mark_headers
from service.http.refusals import refusal_body

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

    from service.server import ServerConfig

PROBES = frozenset({b"/healthz", b"/readyz"})  # a process that is full is not to be taken for one that is dead
UNHEARD = 2  # times as many connections as are served: those beyond are closed as they come
MOST_WAITING = 8  # requests that came before the answer to the one ahead of them
LIMITED = {400: "malformed", 408: "head_seconds", 414: "uri", 431: "headers", 503: "connections"}  # by what is answered


class _Flow(FlowControl):
    """Reads no further while requests wait: whoever sent them has not yet taken the answers that come before."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


class BoundedProtocol(HttpToolsProtocol):
    """Counts what arrives before a request's head is complete; beyond the bound answers 431 (RFC 6585, 5) or 414
    and closes. A head that is late is answered 408 (RFC 9110, 15.5.9); where nothing came, the connection is closed.

    The parser itself has no bound: a head without end would be kept whole, and uvicorn has a deadline only for the
    rest between two requests. A body is neither counted nor awaited here: whoever reads it does that. The trailers
    after it are held to the bound of a head, and dropped (RFC 9110, 6.5.1).

    On connections beyond the bound, requests are answered 503, but for probes; those there before go on. Who sends
    too many requests ahead of their answers, or does not take what is answered, loses the connection.
    """

    config: "ServerConfig"
    _unparsed = 0  # bytes since the parser last had anything whole of them
    _in_head = True
    _begun = False  # to be asked
    _refused = False
    _crowded = False
    _over = False  # for this protocol: the connection is lost, or a WebSocket's
    _answering: RequestResponseCycle | None = None
    _deadline: asyncio.TimerHandle | None = None
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        most = self.config.most_connections
        self._crowded = len(self.connections) > most
        if len(self.connections) > UNHEARD * most:
            self._cut_off("connections_unheard")
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._end_deadline()
        self._end_patience()
        if self._answering is not None:  # uvicorn tells the newest request alone that nobody is there any more
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unparsed += len(data)
        super().data_received(data)
        # No timer for a head that comes whole: between requests none runs until the first byte of the next one.
        if self._deadline is None and self._is_idle():
            self._await_head()
        # What is read at once may hold a body too, so the count is a bound only on what is not complete.
        if self._unparsed > self.config.header_bytes and not self.transport.is_closing():
            self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # a trailer is no header: what is decided by headers has been decided
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._refused:
            return
        self._end_deadline()
        head = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if self._crowded and self.url.partition(b"?")[0] not in PROBES:
            self._refuse(503, ErrorCode.SERVICE_UNAVAILABLE, "Too many connections: try again.", retry_after=1)
        elif head > self.config.header_bytes:
            self._refuse_head()
        elif len(self.pipeline) >= MOST_WAITING:
            self._cut_off("pipeline")
        else:
            self._in_head, self._unparsed = False, 0
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._unparsed = 0
        if not self._refused:
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        if not self._refused:
            super().on_body(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_taking()

    def handle_websocket_upgrade(self) -> None:
        if not self._refused:
            self._over = True
            self._end_patience()
            super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "BAD_REQUEST", msg)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_taking()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._end_patience()

    def timeout_keep_alive_handler(self) -> None:
        if not self.transport.is_closing():
            self._close()

    def _is_idle(self) -> bool:
        """Whether what comes, or should, is a head: no request is being read or answered, or one has begun behind it.

        What still comes of a body after its answer is nobody's any more, and held to the same deadline.
        """
        if self._over or self.transport.is_closing():
            return False
        return self._in_head or self._under_way is None

    @property
    def _under_way(self) -> RequestResponseCycle | None:
        """The newest exchange, if it is not over: others may be before it."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first, though uvicorn does not say so
        return None if cycle is None or cycle.response_complete else cycle

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(self.config.head_seconds, self._end_late)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_late(self) -> None:
        self._deadline = None
        if self._refused or self.transport.is_closing():
            return
        if self._under_way is not None:
            self._await_head()  # of the next request: the one before it is to be answered first
        elif self._in_head and (self._unparsed or self._begun):
            seconds = self.config.head_seconds
            self._refuse(408, "REQUEST_TIMEOUT", f"The request's head was not whole within {seconds:g} s.")
        else:
            self._refused = True
            self._close()

    def _await_taking(self) -> None:
        if self._patience is None and not self._over:
            self._patience = self.loop.call_later(self.config.taking_seconds, self._end_untaken)

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _end_untaken(self) -> None:
        self._patience = None
        self._cut_off("taking_seconds")

    def _close(self) -> None:
        """End the connection when its client has taken what is left for it, or soon if it does not."""
        self.transport.close()
        self._await_taking()

    def _cut_off(self, limit: str) -> None:
        self._refused = True
        self.config.turned_away.note(limit)
        self.transport.abort()

    def _refuse_head(self) -> None:
        bound = self.config.header_bytes
        if len(self.url) > bound:
            self._refuse(414, "URI_TOO_LONG", f"The URI is longer than {bound} bytes.")
        else:
            self._refuse(431, "HEADERS_TOO_LARGE", f"The request line and headers are longer than {bound} bytes.")

    def _refuse(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        """Answer, and end the connection: without a word where it would be taken for another request's answer."""
        if self._refused:
            return
        self._refused = True
        self.config.turned_away.note(LIMITED[status])
        if self._is_next_to_be_answered():
            self.transport.write(self._refusal(status, code, message, retry_after))
        self._close()

    def _is_next_to_be_answered(self) -> bool:
        """Whether no other request waits for its answer, and this one has none yet."""
        cycle = self._under_way
        return cycle is None or (cycle.more_body and not cycle.response_started and not self.pipeline)

    def _refusal(self, status: int, code: str, message: str, retry_after: int | None) -> bytes:
        waiting = {} if retry_after is None else {"retryAfter": retry_after}
        body = refusal_body(self.config.world, code, message, **waiting)
        head = [
            *self.server_state.default_headers,
            *mark_headers(self.config.world),
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *((b"retry-after", str(seconds).encode()) for seconds in waiting.values()),
        ]
        lines = [STATUS_LINE[status], *(name + b": " + value + b"\r\n" for name, value in head), b"\r\n", body]
        return b"".join(lines)
