"""What is delivered: the wheel holds the service with its data, and nothing of the sandbox."""

import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import schema
import service

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    [path] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    return zipfile.ZipFile(path)


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    [path] = [path for path in wheel.namelist() if path.endswith(f".dist-info/{name}")]
    return wheel.read(path).decode()


def test_the_wheel_holds_the_two_packages_and_nothing_of_the_sandbox(wheel: zipfile.ZipFile) -> None:
    roots = {name.split("/")[0] for name in wheel.namelist()}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"service", "schema"}


def test_the_wheel_holds_every_file_that_is_tracked_in_its_packages(wheel: zipfile.ZipFile) -> None:
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in ("service", "schema")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours <= set(wheel.namelist())


def test_only_the_extra_brings_the_embedded_database(wheel: zipfile.ZipFile) -> None:
    required = [line for line in metadata(wheel, "METADATA").splitlines() if line.startswith("Requires-Dist:")]
    embedded = [line for line in required if "secantus" in line]
    assert len(embedded) == 1
    assert "extra == 'embedded'" in embedded[0]


def test_the_wheel_brings_the_command_prop_and_no_other(wheel: zipfile.ZipFile) -> None:
    assert metadata(wheel, "entry_points.txt").split("\n")[:2] == ["[console_scripts]", "prop = service.cli:main"]
    assert metadata(wheel, "entry_points.txt").count("=") == 1


@pytest.mark.parametrize("package", [schema, service])
def test_the_packages_imported_are_ours(package: object) -> None:
    """`schema` is also the name of a distribution that others publish."""
    assert Path(str(getattr(package, "__file__", None))).parent.parent == ROOT


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda path: path.name)
def test_a_lock_pins_every_file_by_hash_and_names_no_index(lock: Path) -> None:
    text = lock.read_text()
    requirements = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert requirements
    assert all("==" in line and line.endswith("\\") for line in requirements)
    assert text.count(" \\\n    --hash=sha256:") >= len(requirements)
    assert "://" not in text


def test_production_is_locked_without_the_embedded_database_or_a_test_tool() -> None:
    locked = (ROOT / "requirements.lock").read_text().lower()
    for absent in ("secantusdb", "mongomock", "pytest", "hatchling"):
        assert f"\n{absent}" not in locked


def test_every_direct_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = (ROOT / "requirements.lock").read_text()
    for requirement in project["dependencies"]:
        assert f"\n{requirement.split('>')[0].split('[')[0]}==" in locked
