"""What a command of production stands on: its settings, its services for as long as the work takes, its files."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from service.bootstrap import Services, open_services
from service.clock import SystemClock
from service.extracted_text import MAX_BYTES
from service.settings import Settings, process_environment
from service.settings_reading import read_settings, readable_by_all
from service.world import PRODUCTION

T = TypeVar("T")


def read_production() -> Settings:
    """The settings of this process; a word on standard error about a secret that all of the machine can read."""
    environ = process_environment()
    settings = read_settings(environ, PRODUCTION, Settings)
    for name in readable_by_all(environ, PRODUCTION):
        click.echo(f"Warning: every user of this machine can read the file that {name} names.", err=True)
    return settings


def bytes_of(file: Path) -> bytes:
    """The file, but never much more of it than an agreement may have: the parser says that it is too long."""
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def with_services(work: Callable[[Services], Awaitable[T]]) -> T:
    """What the work answers, done over production's services."""
    settings = read_production()

    async def opened() -> T:
        async with open_services(settings, PRODUCTION, SystemClock()) as services:
            return await work(services)

    return asyncio.run(opened())
