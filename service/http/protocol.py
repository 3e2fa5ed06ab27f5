"""HTTP/1.1 as uvicorn speaks it, with a bound on the head of a request, and marks on what it refuses itself."""

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.http.marks import mark_headers
from service.http.refusals import refusal_body

if TYPE_CHECKING:
    from service.server import ServerConfig


class BoundedProtocol(HttpToolsProtocol):
    """Counts what arrives before a request's head is complete; beyond the bound answers 431 (RFC 6585, 5) or 414
    and closes.

    The parser itself has no bound: a head without end would be kept whole. A body is not counted here.
    """

    config: "ServerConfig"
    _head = 0
    _in_head = True
    _refused = False

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._head += len(data) if self._in_head else 0
        super().data_received(data)
        # What is read at once may hold the body too, so the count is a bound only while the head is not complete.
        if self._in_head and self._head > self.config.header_bytes and not self.transport.is_closing():
            self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
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
            super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        if not self._refused:
            self._refuse(400, "BAD_REQUEST", msg)

    def _refuse_head(self) -> None:
        bound = self.config.header_bytes
        if len(self.url) > bound:
            self._refuse(414, "URI_TOO_LONG", f"The URI is longer than {bound} bytes.")
        else:
            self._refuse(431, "HEADERS_TOO_LARGE", f"The request line and headers are longer than {bound} bytes.")

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._refused = True
        body = refusal_body(self.config.world, code, message)
        head = [
            *self.server_state.default_headers,
            *mark_headers(self.config.world),
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = [STATUS_LINE[status], *(name + b": " + value + b"\r\n" for name, value in head), b"\r\n", body]
        self.transport.write(b"".join(lines))
        self.transport.close()
