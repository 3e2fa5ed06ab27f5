"""The sandbox starts from nothing, keeps its key, and refuses production's variables."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.settings import SandboxSettings, read_sandbox_settings
from sandbox.world import SANDBOX
from service.reference import reference
from service.settings_reading import SettingsError


def test_an_empty_environment_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    settings = read_sandbox_settings({})
    assert settings.embedded
    assert settings.database == "prop_sandbox"
    assert (tmp_path / ".data" / "data.key").stat().st_mode & 0o777 == 0o600


def test_the_second_start_finds_the_key_of_the_first(tmp_path: Path):
    environ = {"SANDBOX_DATA_DIR": str(tmp_path / "new")}
    first, second = read_sandbox_settings(environ), read_sandbox_settings(environ)
    assert first.data_key == second.data_key
    assert first.root_fingerprints == second.root_fingerprints
    names = sorted(file.name for file in (tmp_path / "new").iterdir())
    assert names == ["authority", "data.key", "log.pem", "signing.pem"]


def test_the_port_moves_the_address_callers_use(tmp_path: Path):
    settings = read_sandbox_settings({"SANDBOX_DATA_DIR": str(tmp_path), "SANDBOX_PORT": "8123"})
    assert settings.public_url == "http://127.0.0.1:8123"


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"PROP_MONGO_URI": "mongodb://h"}, "PROP_MONGO_URI belongs to PRODUCTION, and this is SANDBOX"),
        ({"SANDBOX_DATABASE": "prop"}, "SANDBOX_DATABASE names a database of PRODUCTION"),
        ({"SANDBOX_MONGO_URI": "mongodb://h/prop_evidence"}, "SANDBOX_MONGO_URI names a database of PRODUCTION"),
        ({"SANDBOX_MONGO_URI": "localhost"}, "SANDBOX_MONGO_URI: must begin with mongodb://"),
        ({"SANDBOX_WORKERS": "2"}, "SANDBOX_WORKERS is more than 1"),
        ({"SANDBOX_DATA_DIR": "/dev/null/x"}, "SANDBOX_DATA_DIR cannot hold the keys"),
    ],
)
def test_what_would_mix_the_worlds_or_cannot_be_is_refused(tmp_path: Path, environ: dict[str, str], told: str):
    with pytest.raises(SettingsError) as caught:
        read_sandbox_settings({"SANDBOX_DATA_DIR": str(tmp_path)} | environ)
    assert caught.value.problems[0].startswith(told)


@given(st.dictionaries(st.sampled_from(["PORT", "MONGO_URI", "AGREEMENT", "DATA_KEY"]), st.text(max_size=9)), st.text())
def test_any_environment_gives_settings_or_a_settings_error(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str], name: str
):
    directory = tmp_path_factory.getbasetemp() / "any" / name.replace("/", "").replace(".", "")
    environ = {f"SANDBOX_{name}": value for name, value in values.items()}
    with suppress(SettingsError):
        assert read_sandbox_settings(environ | {"SANDBOX_DATA_DIR": str(directory)}).database == "prop_sandbox"


@pytest.mark.parametrize(
    ("environ", "handed_out"),
    [
        ({}, True),
        ({"SANDBOX_PORT": "8123"}, True),
        ({"SANDBOX_PUBLIC_URL": "http://localhost:8000"}, True),
        ({"SANDBOX_HOST": "0.0.0.0"}, False),
        ({"SANDBOX_PUBLIC_URL": "https://sandbox.example.org"}, False),
        ({"SANDBOX_PUBLIC_URL": "http://127.0.0.1.example.org"}, False),
        ({"SANDBOX_PUBLIC_URL": "https://sandbox.example.org", "SANDBOX_REGISTRAR_PERSONAS": "open"}, True),
        ({"SANDBOX_HOST": "0.0.0.0", "SANDBOX_REGISTRAR_PERSONAS": ""}, False),
        ({"SANDBOX_REGISTRAR_PERSONAS": "closed"}, False),
    ],
)
def test_the_depository_is_for_the_asking_on_ones_own_machine_alone(
    tmp_path: Path, environ: dict[str, str], *, handed_out: bool
):
    settings = read_sandbox_settings({"SANDBOX_DATA_DIR": str(tmp_path)} | environ)
    assert settings.hands_out_registrars is handed_out


def test_the_reference_speaks_of_the_sandbox():
    table = reference(SANDBOX, SandboxSettings)
    assert "| `SANDBOX_MONGO_URI` (or `_FILE`) | the embedded database |" in table
    assert "PROP_" not in table
