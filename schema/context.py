"""What every resolver is given: the services, who calls, and the loaders of this one request."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from schema.limits import Limits
from service.access import Caller
from service.bootstrap import Services
from service.errors import ServiceError, Unavailable
from service.http.findings import Findings
from service.storage.errors import as_service_error

K = TypeVar("K")
V = TypeVar("V")
GetMany = Callable[[Caller, Sequence[K]], Awaitable[Sequence[V]]]

DEFAULT_LIMITS = Limits()
LONGEST_UNKNOWN = 30.0  # seconds for which a subscription outlives a database that cannot say whose it is
_RETRY_SECONDS = 0.5
BATCH = 100  # keys that one storage call is given at most
LOADS_AT_ONCE = 4  # of one request: what loaders fetch
READS_AT_ONCE = 6  # of one request: what fields fetch by themselves; with the loads a fifth of the driver's connections


class Loaders:
    """The DataLoaders of one request: one for each `get_many`, made when it is first asked for."""

    __slots__ = ("_caller", "_free", "_made")

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._free = asyncio.Semaphore(LOADS_AT_ONCE)
        self._made: dict[object, DataLoader[Any, Any]] = {}

    def over(self, get_many: GetMany[K, V]) -> DataLoader[K, V]:
        """The loader over a service's method that takes the caller and many keys and answers in their order."""
        made = self._made.get(get_many)
        if made is None:
            caller = self._caller

            async def load(keys: list[K]) -> Sequence[V]:
                async with self._free:
                    return await get_many(caller, keys)

            made = self._made[get_many] = DataLoader(load_fn=load, max_batch_size=BATCH)
        return made


@dataclass(slots=True)
class Context:
    """One request, as resolvers see it."""

    services: Services
    caller: Caller
    request_id: str = ""
    limits: Limits = DEFAULT_LIMITS
    identify: Callable[[], Awaitable[Caller]] | None = None
    findings: Findings = field(default_factory=Findings)
    loaders: Loaders = field(init=False)
    reading: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.caller)
        self.reading = asyncio.Semaphore(READS_AT_ONCE)

    async def current(self) -> Caller:
        """The caller as it is now, for what outlives one answer; what was loaded before is loaded anew.

        Raises Unauthenticated once it is nobody any more. An outage of the database is waited out for a while: nobody
        can be let in or turned away in it, and no event passes.
        """
        if self.identify is not None:
            self.caller = await _patiently(self.identify)
        self.loaders = Loaders(self.caller)
        return self.caller


async def _patiently(identify: Callable[[], Awaitable[Caller]]) -> Caller:
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST_UNKNOWN
    while True:
        try:
            return await identify()
        except Exception as error:
            known = error if isinstance(error, ServiceError) else as_service_error(error)
            if not isinstance(known, Unavailable) or loop.time() >= end:
                raise
        await asyncio.sleep(_RETRY_SECONDS)


Info = strawberry.Info[Context, None]
