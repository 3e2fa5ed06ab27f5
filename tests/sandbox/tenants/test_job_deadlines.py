"""A job goes on for as long as it takes, whatever time the request had that began it."""

from pathlib import Path

import pytest

from sandbox.tenants.jobs import JobState
from tests.sandbox.tenancy import join, open_application
from tests.sandbox.test_clock import ended

pytestmark = pytest.mark.wire


async def test_a_job_outlasts_the_time_that_the_operation_had_which_began_it(wire_uri: str, tmp_path: Path):
    """Moving a clock takes half a second at least, which is more than the operation has."""
    async with open_application(wire_uri, tmp_path, SANDBOX_EXECUTION_MS="450") as (app, client):
        tenant, sandbox = await join(client), app.state.ground.sandbox
        answer = await tenant.control('mutation { advanceClock(by: "3d") { id } }')
        assert answer["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
        (job,) = await sandbox.kept_jobs.latest_of(tenant.id, 2)
        assert (await ended(sandbox, job, 5)).state is JobState.DONE
