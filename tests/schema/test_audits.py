"""GraphQL over HTTP as the specification's own audits see it: the npm package graphql-http, and a running service."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.schema.making import serve

AUDITS = Path(__file__).parents[1] / "audits"


@pytest.mark.process
def test_all_audits_of_graphql_over_http_pass() -> None:
    node = shutil.which("node")
    if node is None or not (AUDITS / "node_modules" / "graphql-http").is_dir():
        pytest.skip("needs node, and `npm ci` in tests/audits: `make test` sees to it where there is npm")
    with serve() as url:
        done = subprocess.run(
            [node, "graphql_http.js", f"{url}/graphql"],
            cwd=AUDITS,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.stdout.splitlines()[-1] == "61 passed, 0 failed", done.stdout + done.stderr
