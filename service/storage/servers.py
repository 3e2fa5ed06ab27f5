"""A bare server, before any world is on it: is it up, and who may log in."""

import asyncio

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import OperationFailure, PyMongoError

from service.errors import Unavailable
from service.storage.database import Document

PAUSE = 0.05  # seconds between two looks at a server that is starting
USER_EXISTS = 51003


async def await_server(uri: str, *, seconds: float) -> None:
    """Return once the server at `uri` lets us in and answers a query. Raises Unavailable after `seconds`."""
    async with asyncio.timeout(seconds + 1):
        end = asyncio.get_running_loop().time() + seconds
        while not await _answers(uri):
            if asyncio.get_running_loop().time() >= end:
                raise Unavailable(f"The database server did not come up in {seconds:.0f} s.", retryAfter=1)
            await asyncio.sleep(PAUSE)


async def _answers(uri: str) -> bool:
    client = _client(uri)
    try:
        await client["admin"].command("listCollections", nameOnly=True)  # `ping` is answered to strangers too
    except PyMongoError:
        return False
    else:
        return True
    finally:
        client.close()


async def ensure_user(uri: str, name: str, password: str) -> None:
    """Make `name` an administrator of the server with this password, whether or not it was one before."""
    client = _client(uri)
    try:
        await client["admin"].command("createUser", name, pwd=password, roles=["root"])
    except OperationFailure as error:
        if error.code != USER_EXISTS:
            raise
        await client["admin"].command("updateUser", name, pwd=password, roles=["root"])
    finally:
        client.close()


def _client(uri: str) -> AsyncIOMotorClient[Document]:
    return AsyncIOMotorClient(uri, io_loop=asyncio.get_running_loop(), serverSelectionTimeoutMS=500, w=1)
