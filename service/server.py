"""The processes that serve: a listening socket, workers, and their graceful end.

The application is named, not imported ("schema.app:production"): `service` may not import what stands on it, and each
worker process has to import the application anew in any case. The name is that of a function from settings to an ASGI
application; settings are read once, by whoever starts the service, and handed to the workers.
"""

import asyncio
import functools
import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.importer import import_from_string
from uvicorn.loops.auto import auto_loop_factory
from uvicorn.supervisors import Multiprocess

from service.http.draining import Draining
from service.http.marks import ASGIApp
from service.http.metrics import Meter, metrics_directory, metrics_listener
from service.http.protocol import BoundedProtocol
from service.http.requests import Requests
from service.http.turned_away import TurnedAway
from service.logs import log_config
from service.settings import Settings
from service.world import World

KEEP_ALIVE_SECONDS = 75  # longer than balancers keep an idle connection, so that they and not we close it
HEAD_SECONDS = 10.0  # until a request's head must be whole
TAKING_SECONDS = 60.0  # until a client must have taken what is written, but for a remainder
CANCEL_SECONDS = 1  # what is left for answers after the drain, before they are cut off


class CannotListen(Exception):
    """The address or port of the settings cannot be had. The text says which and why."""


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration from ours. Travels to the worker processes."""

    def __init__(self, settings: Settings, world: World, application: str) -> None:
        self.world = world
        self.header_bytes = settings.header_bytes
        self.head_seconds = HEAD_SECONDS
        self.taking_seconds = TAKING_SECONDS
        self.most_connections = settings.connections
        self.turned_away = TurnedAway(Meter(world))
        super().__init__(
            functools.partial(build, application, settings, world),
            factory=True,
            http=BoundedProtocol,
            workers=settings.workers,
            lifespan="on",
            log_config=log_config(settings, world),
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=CANCEL_SECONDS,
            ws_max_size=settings.limit_body_bytes,
        )


def build(application: str, settings: Settings, world: World) -> ASGIApp:
    """The application as it is served: what it answers is counted and logged, and it ends gracefully."""
    made = import_from_string(application)(settings)
    return Requests(Draining(made, world, settings.drain_seconds), Meter(world), getattr(made, "routes", ()))


def run(settings: Settings, world: World, application: str) -> int:
    """Serve until a signal ends it; the exit status. Raises CannotListen."""
    with listen(settings) as listener, metrics_directory(settings.workers) as registry:
        config = ServerConfig(settings, world, application)
        with metrics_listener(settings, world, registry):
            if settings.workers == 1:
                with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
                    return runner.run(serve(config, listener))
            supervisor = Multiprocess(config, [listener])
            supervisor.run()
            return int(any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes))


async def serve(config: ServerConfig, listener: socket.socket, started: Callable[[], None] = lambda: None) -> int:
    """Serve in this process and loop until a signal ends it; the exit status. `started` is called once it answers."""
    with quiet_signals():
        try:
            await _Server(config, started).serve([listener])
        except SystemExit:  # the application did not start; why is in the log
            return 1
    return 0


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()


def event_loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The fastest event loop that is installed: uvloop, except on Windows."""
    return auto_loop_factory()


@contextmanager
def listen(settings: Settings) -> Iterator[socket.socket]:
    """The listening socket, bound before anything else is begun."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        # The text of a gaierror says what is wrong with the host; asyncio and socket add much to that of others.
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise CannotListen(f"Cannot listen on {where}: {reason}.") from None
    listener.set_inheritable(True)
    # Inherited by what it accepts. The event loops set it themselves only where the socket names its protocol, and
    # without it an answer in two writes waits 40 ms for the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listener:
        yield listener


def address_of(listener: socket.socket) -> str:
    """Where the service answers on this machine, as an address to click on."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def quiet_signals() -> Iterator[None]:
    """uvicorn raises the signal that ended it once more when it is done; here that shall end nothing a second time."""

    def ignore(*_: Any) -> None:
        return None

    before = {number: signal.signal(number, ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
