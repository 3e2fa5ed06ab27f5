"""Metrics for Prometheus, on a listener of their own: what they tell of load and failures is not for every caller.

`/metrics` is not a route of the public application. It listens at `metrics_host:metrics_port`, by default on loopback
and by default not at all, so that no proxy rule can be forgotten. With several workers each writes its numbers into
files of one directory, and the parent, which serves nobody else, adds them up.

Labels are taken from closed sets (routes, methods, codes), never from what a request says: a caller cannot make series.
"""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from tempfile import TemporaryDirectory
from threading import Thread

import uvicorn
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.http.marks import Marks
from service.settings import Settings
from service.world import World

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client takes it from the environment, at import, and nowhere else
SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = Counter("prop_http_requests_total", "HTTP requests answered.", ("world", "route", "method", "status"))
REQUEST_SECONDS = Histogram(
    "prop_http_request_seconds", "From the request to the end of its answer.", ("world", "route"), buckets=SECONDS
)
OPERATIONS = Counter("prop_graphql_operations_total", "GraphQL operations, by outcome.", ("world", "kind", "outcome"))
LIMITS_HIT = Counter("prop_limits_hit_total", "Requests refused by a limit, by its name.", ("world", "limit"))
COMMAND_SECONDS = Histogram(
    "prop_database_command_seconds", "Commands to MongoDB.", ("world", "command", "outcome"), buckets=SECONDS
)
EXPIRING = Gauge(
    "prop_certificates_expiring",
    "Issued certificates whose end is at most so many days away.",
    ("world", "days"),
    multiprocess_mode="mostrecent",
)
EXPIRY_SECONDS = Gauge(
    "prop_expiry_seconds",
    "Until the end of the next certificate, the issuing authority, the root; negative when it is past.",
    ("world", "what"),
    multiprocess_mode="mostrecent",
)
BUILD = Gauge("prop_build_info", "1, labelled with what runs.", ("world", "version", "python"), multiprocess_mode="max")


class Meter:
    """The metrics of one world. The face calls `operation` and `limit_hit`; storage calls `command`."""

    def __init__(self, world: World) -> None:
        self.world = world.name
        BUILD.labels(self.world, package_version(), platform.python_version()).set(1)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        REQUESTS.labels(self.world, route, method, str(status)).inc()
        REQUEST_SECONDS.labels(self.world, route).observe(seconds)

    def operation(self, kind: str, outcome: str) -> None:
        """`kind` is query, mutation or subscription; `outcome` is "ok" or the code of the first error."""
        OPERATIONS.labels(self.world, kind, outcome).inc()

    def limit_hit(self, limit: str) -> None:
        """`limit` is the name of its setting, for example "depth"."""
        LIMITS_HIT.labels(self.world, limit).inc()

    def command(self, command: str, outcome: str, seconds: float) -> None:
        COMMAND_SECONDS.labels(self.world, command, outcome).observe(seconds)

    def expiring(self, days: int, count: int) -> None:
        """`days` is one of the tiers of reminders: a setting, and so a closed set."""
        EXPIRING.labels(self.world, str(days)).set(count)

    def seconds_to_expiry(self, what: str, seconds: float) -> None:
        """`what` is "certificate" (the next to end), "issuing" or "root"."""
        EXPIRY_SECONDS.labels(self.world, what).set(seconds)


def package_version() -> str:
    try:
        return version("prop-service")
    except PackageNotFoundError:
        return "unknown"


def metrics_application(world: World, registry: CollectorRegistry = REGISTRY) -> Marks:
    """The ASGI application of the metrics listener: `/metrics` and nothing else."""

    def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Marks(Starlette(routes=[Route("/metrics", metrics)]), world)


@contextmanager
def metrics_directory(workers: int) -> Iterator[CollectorRegistry]:
    """Where several workers leave their numbers, and the registry that adds them up. Enter before they are started."""
    if workers == 1:
        yield REGISTRY
        return
    with TemporaryDirectory(prefix="prop-metrics-") as directory:
        os.environ[DIRECTORY] = directory  # noqa: TID251 - written for the workers, not read: see DIRECTORY
        try:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]  # it has no types
            yield registry
        finally:
            del os.environ[DIRECTORY]  # noqa: TID251 - as above


@contextmanager
def metrics_listener(settings: Settings, world: World, registry: CollectorRegistry) -> Iterator[None]:
    """Serves `/metrics` from a thread while the block runs, if a port is set for it."""
    if not settings.metrics_port:
        yield
        return
    server = uvicorn.Server(
        uvicorn.Config(
            metrics_application(world, registry),
            host=settings.metrics_host,
            port=settings.metrics_port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            workers=1,
            timeout_graceful_shutdown=1,
        )
    )
    thread = Thread(target=server.run, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=3)
