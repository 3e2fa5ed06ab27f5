"""Events from the command line, and the two programs that receive and verify, each run exactly as printed."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sandbox.cli import main
from tests.databases import free_port
from tests.sandbox.starting import clean_environment, sandbox

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A directory that `prop-sandbox join` filled, and where the sandbox answers."""
    root = tmp_path_factory.mktemp("webhooks")
    with sandbox(root / "data", "--port", "0") as (_, url):
        result = CliRunner().invoke(main, ["join", "--url", url, "--dir", str(root / "tenant")])
        assert result.exit_code == 0, result.output
        yield root / "tenant", url


def run(tenant: tuple[Path, str], *command: str) -> Any:
    directory, url = tenant
    result = CliRunner().invoke(main, [*command, "--url", url, "--dir", str(directory), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def wait_for(tenant: tuple[Path, str], *command: str, until: Any) -> Any:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = run(tenant, *command)
        if until(found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{command} came to {found}")


def test_fire_see_it_arrive_and_deliver_it_again(tenant: tuple[Path, str]):
    directory, url = tenant
    webhook = run(tenant, "webhooks", "add", "--topic", "certificate")
    assert Path(webhook["secretFile"]).stat().st_mode & 0o077 == 0
    assert run(tenant, "fire", "participant.suspended")["deliveries"] == []
    fired = run(tenant, "fire", "certificate.reminded")
    assert [each["webhookId"] for each in fired["deliveries"]] == [webhook["id"]]

    def came(times: int) -> list[dict[str, Any]]:
        """What came of it, and not of the certificates that joining gave."""

        def wanted(found: dict[str, Any]) -> list[dict[str, Any]]:
            return [each for each in found["received"] if each["webhookId"] == fired["id"]]

        return wanted(wait_for(tenant, "webhooks", "receiver", until=lambda found: len(wanted(found)) == times))

    assert [(each["verdict"], each["again"]) for each in came(1)] == [("VERIFIED", False)]
    run(tenant, "webhooks", "redeliver", fired["deliveries"][0]["id"])
    assert [each["again"] for each in came(2)] == [True, False]
    shown = CliRunner().invoke(main, ["webhooks", "log", "--heads", "--url", url, "--dir", str(directory)])
    assert "webhook-signature: v1," in shown.stdout
    assert "HTTP/1.1 204" in shown.stdout


def test_each_webhook_has_a_secret_file_of_its_own_that_no_other_overwrites(tenant: tuple[Path, str]):
    first, second = (run(tenant, "webhooks", "add", "--topic", "agreement") for _ in range(2))
    kept = [Path(each["secretFile"]).read_text() for each in (first, second)]
    assert kept[0] != kept[1]
    rotated = run(tenant, "webhooks", "rotate", second["id"])[0]
    assert rotated["secretFile"] == second["secretFile"]
    assert Path(first["secretFile"]).read_text() == kept[0]
    assert Path(second["secretFile"]).read_text() not in kept
    assert Path(second["secretFile"]).stat().st_mode & 0o077 == 0
    for webhook in (first, second):
        run(tenant, "webhooks", "remove", webhook["id"])


def test_a_receiver_told_to_fail_shows_retries_and_a_pause(tenant: tuple[Path, str]):
    webhook = run(tenant, "webhooks", "add", "--topic", "participant")
    run(tenant, "webhooks", "receiver", "--answer", "error")
    run(tenant, "fire", "participant.suspended")
    logged = wait_for(
        tenant, "webhooks", "log", "--webhook", webhook["id"], until=lambda found: found and found[0]["attempts"]
    )
    assert (logged[0]["state"], logged[0]["attempts"][0]["status"]) == ("PENDING", 500)
    assert "responseBody" not in logged[0]["attempts"][0], "who does not ask for heads gets none"
    run(tenant, "webhooks", "receiver", "--answer", "gone")
    run(tenant, "fire", "participant.resumed")
    wait_for(
        tenant,
        "webhooks",
        "list",
        until=lambda found: [each for each in found if each["pausedBecause"] and each["id"] == webhook["id"]],
    )
    run(tenant, "webhooks", "receiver", "--answer", "ok")
    assert run(tenant, "webhooks", "enable", webhook["id"])[0]["state"] == "ACTIVE"
    assert run(tenant, "webhooks", "rotate", webhook["id"])[0]["formerSecretUntil"]
    assert run(tenant, "webhooks", "disable", webhook["id"])[0]["state"] == "OFF"
    assert run(tenant, "webhooks", "remove", webhook["id"]) == [{"removed": webhook["id"]}]


def test_what_may_not_be_is_said_in_a_sentence(tenant: tuple[Path, str]):
    directory, url = tenant
    there = ["--url", url, "--dir", str(directory)]
    for command, said in (
        (["fire", "nothing.happened"], "there are participant.opened"),
        (["fire", "certificate.issued", "--content", "[1]"], "not an object"),
        (["webhooks", "add", f"{url}/graphql"], "the sandbox's own"),
        (["webhooks", "add", "https://169.254.169.254/"], "not sent to private"),
        (["webhooks", "redeliver", "x"], "no such delivery"),
    ):
        result = CliRunner().invoke(main, [*command, *there])
        assert (result.exit_code, said in result.stderr) == (1, True), result.stderr
    listed = CliRunner().invoke(main, ["events", *there])
    assert "certificate.reminded" in listed.stdout


@pytest.mark.parametrize(("command", "suffix"), [("python", "py"), ("node", "mjs")])
def test_each_program_runs_as_printed_and_takes_what_is_genuine_alone(
    tenant: tuple[Path, str], command: str, suffix: str
):
    """Though another webhook was added since."""
    if shutil.which(command) is None and command != "python":
        pytest.skip(f"{command} is not on this machine")
    directory, _ = tenant
    hook = f"http://127.0.0.1:{free_port()}/hook"
    webhook = run(tenant, "webhooks", "add", hook, "--topic", "agreement")
    other = run(tenant, "webhooks", "add", f"http://127.0.0.1:{free_port()}/hook", "--topic", "participant")
    file = f"receive-webhooks-{webhook['id']}.{suffix}"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        [command, file], cwd=directory, env=clean_environment(PATH=path), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening on http://127.0.0.1:")
        fired = run(tenant, "fire", "agreement.published")
        assert process.stdout.readline().split() == ["verified", "agreement.published", fired["id"]]
        logged = wait_for(
            tenant,
            "webhooks",
            "log",
            "--webhook",
            webhook["id"],
            "--heads",
            until=lambda found: found and found[0]["attempts"],
        )
        assert logged[0]["state"] == "DELIVERED"
        headers = dict(line.split(": ", 1) for line in logged[0]["attempts"][0]["requestHead"].split("\r\n")[1:])
        forged = {name: value for name, value in headers.items() if name.startswith("webhook-")}
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(urllib.request.Request(hook, b'{"type":"forged"}', forged), timeout=30)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
        for each in (webhook, other):
            run(tenant, "webhooks", "remove", each["id"])
