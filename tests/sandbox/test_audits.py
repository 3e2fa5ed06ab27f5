"""GraphQL over HTTP as a stranger reads it: the audits that the graphql-http package ships, against a sandbox."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sandbox.starting import ROOT, sandbox

AUDITS = ROOT / "tests" / "audits"

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(shutil.which("node") is None, reason="the audits run on Node.js, which is not here"),
    pytest.mark.skipif(not (AUDITS / "node_modules").is_dir(), reason="`make test` installs the audits"),
]


def audit(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", str(AUDITS / "graphql_http.js"), url], capture_output=True, text=True, timeout=60, check=False
    )


def test_all_61_audits_of_graphql_over_http_pass(tmp_path: Path):
    with sandbox(tmp_path / "data", "--port", "0") as (_, url):
        audited = audit(f"{url}/graphql")
        assert (audited.stdout, audited.returncode) == ("61 passed, 0 failed\n", 0)
        elsewhere = audit(f"{url}/healthz")  # the audits can fail
        assert elsewhere.returncode == 1
