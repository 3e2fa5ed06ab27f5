"""The SDL as a front end uses it: graphql-codegen makes types of it, and a program that uses them compiles."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1] / "codegen"
SOURCES = ("operations.graphql", "consumer.ts", "tsconfig.json", "package.json")

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not (PROJECT / "node_modules").exists(), reason="`make test` installs graphql-codegen"),
]


def run(tool: str, *arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    program = PROJECT / "node_modules" / ".bin" / tool
    return subprocess.run(
        [program, *arguments], cwd=directory, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The front end's sources beside a copy of the configuration that names the committed SDL."""
    for name in SOURCES:
        shutil.copy(PROJECT / name, tmp_path)
    sdl = PROJECT.parents[1] / "schema" / "schema.graphql"
    configuration = (PROJECT / "codegen.json").read_text().replace("../../schema/schema.graphql", str(sdl))
    (tmp_path / "codegen.json").write_text(configuration)
    (tmp_path / "node_modules").symlink_to(PROJECT / "node_modules")
    return tmp_path


def test_types_generated_from_the_sdl_compile_and_tell_right_from_wrong(project: Path) -> None:
    generated = run("graphql-codegen", "--config", "codegen.json", directory=project)
    assert generated.returncode == 0, generated.stdout + generated.stderr
    compiled = run("tsc", "--project", ".", directory=project)
    assert compiled.returncode == 0, compiled.stdout


def test_an_operation_that_the_schema_does_not_have_is_refused(project: Path) -> None:
    (project / "operations.graphql").write_text("query Wrong { operators(first: 1) { nodes { salary } } }")
    generated = run("graphql-codegen", "--config", "codegen.json", directory=project)
    assert generated.returncode != 0
    assert 'Cannot query field "salary"' in generated.stdout + generated.stderr
