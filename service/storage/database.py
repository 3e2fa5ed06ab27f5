"""The connection to one world's MongoDB: collections, transactions, the stamp, and an end to every wait."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError
from pymongo.monitoring import CommandListener
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from service.errors import ErrorCode, ServiceError, Unavailable
from service.storage.errors import as_service_error
from service.world import World

Document = dict[str, Any]
Session = Any  # the driver's session; None stands for "no transaction"
T = TypeVar("T")

SERVER_SELECTION_MS = 2_000
TRANSACTION_SECONDS = 10.0  # from the first attempt to the last retry
WRITE_SECONDS = 5.0  # until a majority of the replica set has a write
SOCKET_MS = 20_000  # a query that takes longer is a mistake; tailing cursors wait far less per turn
POOL_SIZE = 50
HEARTBEAT_MS = 1_000  # how long after its return a database may still be thought away
STAMP_NAMESPACE = "world"


@dataclass(frozen=True, slots=True)
class Index:
    """One index: `keys` as (field, 1 | -1) in order. Declared beside the queries it serves."""

    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    partial: Mapping[str, object] | None = None
    expire_after_seconds: int | None = None

    @property
    def name(self) -> str:
        """The name in the database. Its beginning says that this service made the index and may drop it."""
        return "prop_" + "_".join(f"{field}_{direction}" for field, direction in self.keys)


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as declared: its name, the `$jsonSchema` of its fields beside the marks, its indexes."""

    name: str
    properties: Mapping[str, Mapping[str, object]]
    required: tuple[str, ...]
    indexes: tuple[Index, ...] = ()
    evidence: bool = False  # lives in the evidence database, insert-only for the application's user


@dataclass(frozen=True, slots=True)
class Names:
    """Which databases of a server hold a world."""

    database: str
    evidence_database: str

    @classmethod
    def of(cls, world: World) -> "Names":
        return cls(world.database, world.evidence_database)

    def __iter__(self) -> Iterator[str]:
        return iter((self.database, self.evidence_database))

    def holding(self, declared: Collection) -> str:
        return self.evidence_database if declared.evidence else self.database


class WorldMismatch(ServiceError):
    """The database carries the stamp of another world (art. 17). Never connect to it."""

    code = ErrorCode.ENVIRONMENT_MISMATCH

    def __init__(self, database: str, *, here: str, there: str) -> None:
        super().__init__(
            f"The database {database!r} is stamped {there!r}; this service is {here!r}. The two worlds do not meet"
            " (art. 17): point the service at the database of its own world.",
            here=here,
            there=there,
            article=17,
        )


class NotInitialised(Unavailable):
    """The database carries no stamp."""

    def __init__(self, database: str, world: World) -> None:
        super().__init__(f"The database {database!r} is not initialised for {world.name!r}: run `prop database init`.")


class Database:
    """One world's two databases behind one client. Belongs to the event loop it was opened in.

    `writable` tells without waiting whether a server that takes writes is known at this moment.
    """

    def __init__(
        self,
        client: Any,  # Motor's client, or a stand-in for it in tests
        world: World,
        names: Names | None = None,
        *,
        writable: Callable[[], bool] = lambda: True,
        patience: float = SERVER_SELECTION_MS / 1000,
    ) -> None:
        self.world = world
        self.names = names or Names.of(world)
        self._client = client
        self._writable = writable
        self._patience = patience

    def deadline(self, seconds: float) -> AbstractContextManager[None]:
        """Within it every driver call of this task and of the tasks it starts ends by then, waits in line included.

        For the outermost layer, around one request. Not for change streams, which have no end.
        """
        return pymongo.timeout(seconds)

    def collection(self, declared: Collection) -> Any:
        """The driver's collection. Raises Unavailable at once while no server takes writes, instead of queueing."""
        self._ensure_writable()
        return self._client[self.names.holding(declared)][declared.name]

    async def transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run `work` with a session: all it writes with it, in both databases, is kept, or nothing is.

        `work` may run several times (a conflict with another transaction): it must do nothing but read and write
        with its session. Raises what `work` raises, and Unavailable when `TRANSACTION_SECONDS` of retries did not do.
        """
        self._ensure_writable()
        clock = asyncio.get_running_loop()
        end, attempt = clock.time() + TRANSACTION_SECONDS, 0
        async with await self._client.start_session() as session:
            while True:
                try:
                    return await _attempt(session, work, lambda: clock.time() < end)
                except PyMongoError as error:
                    if not error.has_error_label("TransientTransactionError"):
                        raise
                    if clock.time() >= end or not self._writable():
                        raise Unavailable("Too many changes at once: try again.", retryAfter=1) from error
                await asyncio.sleep(_backoff(attempt))
                attempt += 1

    async def ready(self) -> None:
        """Raise Unavailable unless the database answers, WorldMismatch or NotInitialised unless it is this world's.

        While it is known to be away, the answer is immediate.
        """
        self._ensure_writable()
        await self.verify()

    async def verify(self) -> None:
        """As `ready`, but waits for a server as long as `patience` allows: for the start."""
        try:
            async with asyncio.timeout(self._patience + 1):
                for name in self.names:
                    verify_stamp(await self._client[name][STAMP_NAMESPACE].find_one({"_id": "world"}), name, self.world)
        except TimeoutError as error:
            raise Unavailable("The database does not answer in time.", retryAfter=1) from error
        except PyMongoError as error:
            raise as_service_error(error) or error from error

    def _ensure_writable(self) -> None:
        if not self._writable():
            raise Unavailable("The database does not answer at the moment.", retryAfter=1)


def verify_stamp(stamp: Document | None, database: str, world: World) -> None:
    """Raise unless the stamp is `world`'s. Says nothing of the documents: their validators do."""
    if stamp is None:
        raise NotInitialised(database, world)
    if stamp.get("name") != world.name:
        raise WorldMismatch(database, here=world.name, there=str(stamp.get("name")))


async def _attempt(session: Any, work: Callable[[Session], Awaitable[T]], may_wait: Callable[[], bool]) -> T:
    session.start_transaction(
        read_concern=ReadConcern("snapshot"),
        write_concern=WriteConcern("majority", wtimeout=int(WRITE_SECONDS * 1000)),
        read_preference=ReadPreference.PRIMARY,
    )
    try:
        result = await work(session)
    except BaseException:
        await session.abort_transaction()
        raise
    attempt = 0
    while True:
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult") or not may_wait():
                raise
            await asyncio.sleep(_backoff(attempt))
            attempt += 1
        else:
            return result


def _backoff(attempt: int) -> float:
    """Seconds before the next attempt: up to 5, 10, 20 ... 500 ms, drawn at random so that rivals part."""
    return random.uniform(0, min(0.005 * 2**attempt, 0.5))  # noqa: S311 - spreads load, keeps no secret


@asynccontextmanager
async def open_client(
    uri: str, world: World, *, server_selection_ms: int, listeners: Sequence[CommandListener] = ()
) -> AsyncIterator[Any]:
    """A client whose every wait ends. Must be opened in the event loop that uses it."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        uri,
        io_loop=asyncio.get_running_loop(),
        appname=f"prop-{world.name}",
        tz_aware=True,
        uuidRepresentation="standard",
        w="majority",
        wTimeoutMS=int(WRITE_SECONDS * 1000),
        serverSelectionTimeoutMS=server_selection_ms,
        connectTimeoutMS=server_selection_ms,
        socketTimeoutMS=SOCKET_MS,
        waitQueueTimeoutMS=server_selection_ms,
        maxPoolSize=POOL_SIZE,
        heartbeatFrequencyMS=HEARTBEAT_MS,
        event_listeners=list(listeners),
    )
    try:
        yield client
    finally:
        client.close()


@asynccontextmanager
async def open_database(
    uri: str,
    world: World,
    names: Names | None = None,
    *,
    server_selection_ms: int = SERVER_SELECTION_MS,
    listeners: Sequence[CommandListener] = (),
) -> AsyncIterator[Database]:
    """The databases of `world`, their stamps verified. `listeners` hear of every command sent.

    Raises Unavailable when no server answers within `server_selection_ms`, NotInitialised and WorldMismatch.
    """
    async with open_client(uri, world, server_selection_ms=server_selection_ms, listeners=listeners) as client:

        def writable() -> bool:
            return any(server.is_writable for server in client.topology_description.server_descriptions().values())

        database = Database(client, world, names, writable=writable, patience=server_selection_ms / 1000)
        await database.verify()
        yield database
