"""What is deployed: compose.yaml keeps the two worlds apart, and locks both down."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings_reading import read_settings
from service.storage.log import LOG, QUEUE, TILES
from service.world import PRODUCTION

ROOT = Path(__file__).parent.parent
COMPOSE_FILE = ROOT / "deploy" / "compose.yaml"
COMPOSE = yaml.safe_load(COMPOSE_FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["database-init", "prop", "sandbox"]


def of_profile(profile: str) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in SERVICES.items() if service["profiles"] == [profile]}


def networks(services: Iterable[dict[str, Any]]) -> set[str]:
    joined = {service["network_mode"].removeprefix("service:") for service in services if "network_mode" in service}
    return {name for service in services for name in service.get("networks", [])} | {
        name for service in joined for name in SERVICES[service]["networks"]
    }


def volumes(services: Iterable[dict[str, Any]]) -> set[str]:
    return {volume.split(":")[0] for service in services for volume in service.get("volumes", [])}


def secrets(services: Iterable[dict[str, Any]]) -> set[str]:
    return {COMPOSE["secrets"][name]["file"] for service in services for name in service.get("secrets", [])}


def images(services: Iterable[dict[str, Any]]) -> set[str]:
    return {service["image"] for service in services}


def repeated_keys(node: yaml.Node) -> list[str]:
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        below = [name for _, value in node.value for name in repeated_keys(value)]
        return [key for key in keys if keys.count(key) > 1] + below
    return []


def test_no_key_is_given_twice() -> None:
    """The last would silently win, or compose refuse the file."""
    assert not repeated_keys(yaml.compose(COMPOSE_FILE.read_text()))
    assert repeated_keys(yaml.compose("a: {b: 1, b: 2}")) == ["b", "b"]


def test_every_container_belongs_to_one_world() -> None:
    assert of_profile("production").keys() | of_profile("sandbox").keys() == SERVICES.keys()


@pytest.mark.parametrize("of", [networks, volumes, secrets, images])
def test_the_two_worlds_share_nothing(of: Callable[[Iterable[dict[str, Any]]], set[str]]) -> None:
    production, sandbox = of(of_profile("production").values()), of(of_profile("sandbox").values())
    assert production
    assert not production & sandbox


def test_every_container_names_its_network() -> None:
    """One that names none would join the default network, where the worlds could meet."""
    for name, service in SERVICES.items():
        assert service.get("networks") or service.get("network_mode", "").startswith("service:"), name


def test_no_network_or_volume_is_borrowed_from_elsewhere() -> None:
    declared = [*COMPOSE["networks"].values(), *COMPOSE["volumes"].values()]
    assert not [each for each in declared if each and ("external" in each or "name" in each)]


@pytest.mark.parametrize(("profile", "foreign"), [("production", "SANDBOX"), ("sandbox", "PROP_")])
def test_no_world_is_given_a_variable_of_the_other(profile: str, foreign: str) -> None:
    assert foreign not in yaml.safe_dump([service.get("environment") for service in of_profile(profile).values()])


def test_production_is_given_its_secrets_as_files() -> None:
    for service in of_profile("production").values():
        given = service.get("environment", {})
        assert not given.keys() & {"PROP_MONGO_URI", "PROP_DATA_KEY"}
        for name, path in given.items():
            assert not name.endswith("_FILE") or path.removeprefix("/run/secrets/") in service["secrets"]


@pytest.mark.process
@pytest.mark.skipif(os.geteuid() != 0, reason="the secrets get an owner, which root alone can give")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the secrets")
@pytest.mark.parametrize("name", ["database-init", "prop"])
def test_production_starts_from_the_secrets_that_are_made_for_it(tmp_path: Path, name: str) -> None:
    script = shutil.copy(ROOT / "deploy" / "secrets.sh", tmp_path)
    subprocess.run([script], check=True, capture_output=True)
    made = {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir()}
    subprocess.run([script], check=True, capture_output=True)
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir()}  # kept

    service = SERVICES[name]
    mounted = {f"/run/secrets/{secret}": COMPOSE["secrets"][secret]["file"] for secret in service["secrets"]}
    given = service["environment"] | {"PROP_PUBLIC_URL": "https://prop.example.org"}
    settings = read_settings(
        {key: str(tmp_path / mounted[value]) if value in mounted else value for key, value in given.items()}, PRODUCTION
    )
    assert "replicaSet=prop" in settings.mongo_uri.get_secret_value()
    for file in mounted.values():
        status = (tmp_path / file).stat()
        assert (status.st_uid, status.st_mode & 0o777) == (10001, 0o400)


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_locked_down(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == "10001:10001"


def test_the_database_is_reached_from_nowhere_else() -> None:
    assert COMPOSE["networks"]["production-data"] == {"internal": True}
    for name in ("mongo1", "mongo2", "mongo3"):
        assert SERVICES[name]["networks"] == ["production-data"]
        assert "ports" not in SERVICES[name]


def test_the_service_may_add_evidence_but_change_only_the_moving_parts_of_the_log() -> None:
    script = (ROOT / "deploy" / "replica-set.js").read_text()
    granted = dict(re.findall(r'grant\("(\w*)", ([^)]*)\)', script))
    anywhere = granted.pop("")
    assert "update" not in anywhere
    assert "remove" not in anywhere
    assert granted == {LOG.name: '"update"', TILES.name: '"update"', QUEUE.name: '"remove"'}


def test_what_is_published_listens_on_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_last_target_of_the_dockerfile_is_production_without_the_sandbox() -> None:
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    named = {stage.split("\n")[0].split(" AS ")[1]: stage for stage in stages[1:]}
    assert list(named)[-1] == "production"
    assert "sandbox" not in named["production"].lower()
    assert "sandbox" not in named["build"].lower()
    assert "embedded" not in named["build"]
    for name in ("sandbox", "production"):
        assert "\nUSER 10001:10001\n" in named[name]


def test_no_secret_can_be_committed_or_sent_into_a_build() -> None:
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
