"""A client that has joined and begun a run, and how its run stands."""

import asyncio
from typing import Any

import httpx

from tests.sandbox.clients.good import GoodClient


async def joined(http: httpx.AsyncClient) -> GoodClient:
    client = GoodClient(http)
    await client.join()
    await begin_run(client)
    return client


async def begin_run(client: GoodClient) -> None:
    client.run = (await client.control("mutation { run: beginConformanceRun { id } }"))["run"]


async def read(client: GoodClient) -> dict[str, Any]:
    query = "query ($id: ID!) { run: conformanceRun(id: $id) { state current { id } cases { id state attempt } } }"
    return dict((await client.control(query, id=client.run["id"]))["run"] or {})


def states(run: dict[str, Any]) -> dict[str, str]:
    return {each["id"]: each["state"] for each in run["cases"]}


async def done(client: GoodClient, mutation: str) -> None:
    """A job of the tenant, to its end."""
    job = (await client.control(f"mutation {{ job: {mutation} {{ id state }} }}"))["job"]
    async with asyncio.timeout(60):
        while job["state"] == "RUNNING":
            await asyncio.sleep(0.05)
            job = (await client.control("query ($id: ID!) { job(id: $id) { id state } }", id=job["id"]))["job"]
    assert job["state"] == "DONE", job
