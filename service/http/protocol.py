"""HTTP/1.1 as uvicorn speaks it, with bounds on connections and on the head of a request, in length and in time, and
with marks on what it refuses itself."""

import asyncio
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.errors import ErrorCode
from service.http.marks import mark_headers
from service.http.refusals import refusal_body

if TYPE_CHECKING:
    from service.server import ServerConfig

PROBES = frozenset({b"/healthz", b"/readyz"})  # a process that is full is not to be taken for one that is dead
UNHEARD = 2  # times as many connections as are served: those beyond are closed as they come


class BoundedProtocol(HttpToolsProtocol):
    """Counts what arrives before a request's head is complete; beyond the bound answers 431 (RFC 6585, 5) or 414
    and closes. A head that is late is answered 408 (RFC 9110, 15.5.9); where nothing came, the connection is closed.

    The parser itself has no bound: a head without end would be kept whole, and uvicorn has a deadline only for the
    rest between two requests. A body is neither counted nor awaited here: whoever reads it does that.

    On connections beyond the bound, requests are answered 503, but for probes; those there before go on.
    """

    config: "ServerConfig"
    _head = 0
    _in_head = True
    _begun = False  # to be asked
    _refused = False
    _crowded = False
    _handed_on = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        most = self.config.most_connections
        self._crowded = len(self.connections) > most
        if len(self.connections) > UNHEARD * most:
            self._refused = True
            transport.abort()
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._head += len(data) if self._in_head else 0
        super().data_received(data)
        # No timer for a head that comes whole: between requests none runs until the first byte of the next one.
        if self._deadline is None and self._is_idle():
            self._await_head()
        # What is read at once may hold the body too, so the count is a bound only while the head is not complete.
        if self._in_head and self._head > self.config.header_bytes and not self.transport.is_closing():
            self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._begun = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._end_deadline()
        if self._crowded and self.url.partition(b"?")[0] not in PROBES:
            self._refuse(503, ErrorCode.SERVICE_UNAVAILABLE, "Too many connections: try again.", retry_after=1)
            return
        head = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if head > self.config.header_bytes:
            self._refuse_head()
            return
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head = 0
        if not self._refused:
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def handle_websocket_upgrade(self) -> None:
        if not self._refused:
            self._handed_on = True
            super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        if not self._refused:
            self._refuse(400, "BAD_REQUEST", msg)

    def _is_idle(self) -> bool:
        """Whether what comes, or should, is a head: no request is being read or answered, or one has begun behind it.

        What still comes of a body after its answer is nobody's any more, and held to the same deadline.
        """
        if self._handed_on or self.transport.is_closing():
            return False
        return self._in_head or self._under_way is None

    @property
    def _under_way(self) -> RequestResponseCycle | None:
        """The exchange that is not over, if there is one."""
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
        elif self._in_head and (self._head or self._begun):
            seconds = self.config.head_seconds
            self._refuse(408, "REQUEST_TIMEOUT", f"The request's head was not whole within {seconds:g} s.")
        else:
            self._refused = True
            self.transport.close()

    def _refuse_head(self) -> None:
        bound = self.config.header_bytes
        if len(self.url) > bound:
            self._refuse(414, "URI_TOO_LONG", f"The URI is longer than {bound} bytes.")
        else:
            self._refuse(431, "HEADERS_TOO_LARGE", f"The request line and headers are longer than {bound} bytes.")

    def _refuse(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        self._refused = True
        if self._under_way is not None and self._under_way.response_started:
            self.transport.close()  # the answer under way is not to be mistaken for what would stand in it
            return
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
        self.transport.write(b"".join(lines))
        self.transport.close()
