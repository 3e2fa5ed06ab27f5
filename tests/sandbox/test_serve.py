"""The sandbox as a newcomer starts it: from nothing, again on what it left, and gone after Ctrl-C."""

import contextlib
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from sandbox.cli import main
from service.agreement_digest import read_digest
from tests.sandbox.starting import ROOT, sandbox, start

DIGEST = ROOT / "service" / "digest" / "agreement.zh.txt"

pytestmark = pytest.mark.process


def refused(directory: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    """How a sandbox that must not start ends, and what it says."""
    errors = directory / "errors"
    with start(*arguments, errors=errors, **environ) as process:
        status = process.wait(30)
    return status, errors.read_text()


def working_in(directory: Path) -> list[int]:
    """The processes whose command line names the directory."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str(directory).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_from_nothing_to_serving_and_again_and_ctrl_c_leaves_no_process(tmp_path: Path):
    directory = tmp_path / "data"
    with sandbox(directory, "--port", "0", from_nothing=True) as (process, url):
        assert httpx.get(f"{url}/healthz").json() == {"status": "alive", "environment": "SANDBOX", "binding": False}
        ready = httpx.get(f"{url}/readyz")
        assert (ready.status_code, ready.json()["checks"]) == (200, {"database": "ok", "log": "ok", "jobs": "ok"})
        assert working_in(directory)
        kept = {file.name: file.read_bytes() for file in directory.iterdir() if file.is_file()}
        assert kept.pop("address").decode() == url
        first = published(url)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert working_in(directory) == []
        assert not (directory / "address").exists()
    with sandbox(directory, "--port", "0") as (_, url):
        assert published(url) == first
    assert set(kept) == {"data.key", "signing.pem", "log.pem", "sandbox.lock"}
    assert {name: (directory / name).read_bytes() for name in kept} == kept


def test_the_port_moves_it(tmp_path: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with sandbox(tmp_path / "data", SANDBOX_PORT=str(port)) as (_, url):
        assert url == f"http://127.0.0.1:{port}"
        other = {"SANDBOX_DATA_DIR": str(tmp_path / "other"), "SANDBOX_PORT": str(port)}
        sentence = f"Cannot listen on 127.0.0.1:{port}: Address already in use.\n"
        assert refused(tmp_path, "serve", **other) == (1, sentence)


def test_two_sandboxes_in_one_directory_are_refused_and_a_variable_of_production_too(tmp_path: Path):
    same = {"SANDBOX_DATA_DIR": str(tmp_path / "data")}
    with sandbox(tmp_path / "data", "--port", "0") as (process, _):
        status, said = refused(tmp_path, "serve", "--port", "0", **same)
        assert (status, f"process id {process.pid}:" in said) == (1, True)
    sentence = "PROP_PORT belongs to PRODUCTION, and this is SANDBOX: unset it. The two worlds do not meet (art. 17).\n"
    assert refused(tmp_path, "serve", **same, PROP_PORT="1") == (2, sentence)


def published(url: str) -> list[dict[str, object]]:
    query = "{ agreements { nodes { number isDigest articleCount contentHash } } }"
    answer = httpx.post(f"{url}/graphql", json={"query": query}).json()
    return list(answer["data"]["agreements"]["nodes"])


def test_a_text_given_later_becomes_the_next_version_and_only_once(tmp_path: Path):
    text = tmp_path / "text"
    text.write_bytes(DIGEST.read_bytes().replace("证书".encode(), "凭证".encode()))
    assert text.read_bytes() != read_digest().chinese_data
    for options, versions in (((), 2), (("--agreement", str(text)), 3), (("--agreement", str(text)), 3), ((), 3)):
        with sandbox(tmp_path / "data", "--port", "0", *options) as (_, url):
            assert httpx.get(f"{url}/readyz").status_code == 200
            assert len(published(url)) == versions


def test_reset_empties_the_database_and_keeps_the_key(tmp_path: Path):
    directory = tmp_path / "data"
    with sandbox(directory, "--port", "0"):
        running = CliRunner().invoke(main, ["reset", "--yes"], env={"SANDBOX_DATA_DIR": str(directory)})
        assert running.exit_code == 1
        assert "in use" in running.stderr
    key = (directory / "data.key").read_bytes()
    assert CliRunner().invoke(main, ["reset", "--yes"], env={"SANDBOX_DATA_DIR": str(directory)}).exit_code == 0
    assert (directory / "data.key").read_bytes() == key
    assert not (directory / "database").exists()


def test_a_text_that_cannot_be_read_is_said_in_a_sentence(tmp_path: Path):
    result = CliRunner().invoke(
        main, ["serve", "--port", "0", "--agreement", str(tmp_path / "none")], env={"SANDBOX_DATA_DIR": str(tmp_path)}
    )
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "SANDBOX_AGREEMENT cannot be read (No such file or directory): name the agreement's text, in UTF-8.\n"
    )
