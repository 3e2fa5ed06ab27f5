"""The body of a request, bounded in length and in time: who sends slowly must not hold a place for ever."""

import asyncio

from service.http.marks import Receive

BODY_SECONDS = 10.0  # until a body must be whole


class BodyRefused(Exception):
    """A body that is not taken. The text is written for the caller; `status` says why (RFC 9110, 15.5)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


async def read_body(receive: Receive, most: int, seconds: float | None = None) -> bytes:
    """The body, of `most` bytes. Raises BodyRefused: 413 for a longer one, 408 for a late one, 400 for a broken one."""
    seconds = BODY_SECONDS if seconds is None else seconds
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, most)
    except TimeoutError:
        raise BodyRefused(408, f"The body was not whole within {seconds:g} s.") from None


async def _read(receive: Receive, most: int) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyRefused(400, "The request broke off.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            raise BodyRefused(413, f"The body is larger than {most} bytes.")
    return bytes(body)
