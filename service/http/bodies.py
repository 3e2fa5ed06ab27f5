"""The body of a request, bounded in length and in time: who sends slowly must not hold a place for ever."""

import asyncio

from starlette.requests import ClientDisconnect, Request

BODY_SECONDS = 10.0  # until a body must be whole


class BodyRefused(Exception):
    """A body that is not taken. The text is written for the caller; `status` says why (RFC 9110, 15.5)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


async def read_body(request: Request, most: int) -> bytes:
    """The body, of `most` bytes. Raises BodyRefused: 413 for a longer one, 408 for a late one, 400 for a broken one."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(request, most)
    except TimeoutError:
        raise BodyRefused(408, f"The body was not whole within {BODY_SECONDS:g} s.") from None
    except ClientDisconnect:
        raise BodyRefused(400, "The request broke off.") from None


async def _read(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise BodyRefused(413, f"The request is longer than {most} bytes.")
    return bytes(body)
