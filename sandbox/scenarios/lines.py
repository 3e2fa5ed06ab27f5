"""A WebSocket that breaks when it was asked to: after the first answer, as a line does, and not at a good moment."""

import asyncio

from sandbox.scenarios.asked import Line
from service.http.marks import Message, Receive, Send

BROKEN = 1012  # service restart: what a deployment's end looks like, after which a client connects again
REASON = "Asked for: a dropped WebSocket."


class BreakableLine:
    def __init__(self, line: Line, receive: Receive, send: Send) -> None:
        self._line = line
        self._receive = receive
        self._send = send
        self._closed = asyncio.Event()
        self._code = BROKEN

    async def receive(self) -> Message:
        """The next message, or the end where the line breaks before one comes."""
        coming, ended = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait({coming, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not self._closed.is_set():
                return coming.result()
            return {"type": "websocket.disconnect", "code": self._code}
        finally:
            coming.cancel()
            ended.cancel()

    async def send(self, message: Message) -> None:
        if self._closed.is_set():
            return
        await self._send(message)
        if self._line.breaks and message["type"] == "websocket.send" and '"next"' in (message.get("text") or ""):
            await self.close(BROKEN, REASON)

    async def close(self, code: int, reason: str) -> Message:
        """Close it; answers what whoever listens is told."""
        self._closed.set()
        self._code = code
        await self._send({"type": "websocket.close", "code": code, "reason": reason})
        return {"type": "websocket.disconnect", "code": code}
