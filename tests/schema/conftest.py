"""A client of the small schema of `making`."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.schema.making import make_app, open_client


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(make_app()) as client:
        yield client
