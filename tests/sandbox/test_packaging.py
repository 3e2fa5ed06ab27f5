"""What is delivered: the sandbox is a distribution of its own, beside the service's."""

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

SANDBOX = Path(__file__).parent.parent.parent / "sandbox"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    [path] = WheelBuilder(str(SANDBOX)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    return zipfile.ZipFile(path)


def test_the_sandbox_wheel_holds_its_package_alone(wheel: zipfile.ZipFile) -> None:
    roots = {name.split("/")[0] for name in wheel.namelist()}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"sandbox"}


def test_the_sandbox_wheel_holds_every_file_of_its_package(wheel: zipfile.ZipFile) -> None:
    ours = {
        path.relative_to(SANDBOX.parent).as_posix()
        for path in SANDBOX.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "pyproject.toml"
    }
    assert ours <= set(wheel.namelist())


def test_the_sandbox_wheel_stands_on_the_service_of_the_same_version(wheel: zipfile.ZipFile) -> None:
    [path] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    text = wheel.read(path).decode()
    [version] = [line.removeprefix("Version: ") for line in text.splitlines() if line.startswith("Version: ")]
    assert f"Requires-Dist: prop-service[embedded,sandbox]=={version}" in text
