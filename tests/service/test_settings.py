"""Settings: all problems at once, none of the other world's variables, and never a secret in what is said."""

import base64
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.reference import reference
from service.settings import Settings
from service.settings_reading import SettingsError, read_settings, readable_by_all, variable
from service.world import PRODUCTION
from tests.settings import GOOD, KEY


def problems(**changes: str | None) -> tuple[str, ...]:
    environ = {name: value for name, value in (GOOD | changes).items() if value is not None}
    with pytest.raises(SettingsError) as caught:
        read_settings(environ, PRODUCTION)
    return caught.value.problems


def attempt(environ: dict[str, str]) -> Settings | SettingsError:
    try:
        return read_settings(environ, PRODUCTION)
    except SettingsError as error:
        return error


def test_three_variables_are_enough_and_the_rest_has_defaults():
    settings = read_settings(GOOD | {"HOME": "/root", "PATH": "/bin"}, PRODUCTION)
    assert (settings.database, settings.evidence_database) == ("prop", "prop_evidence")
    assert (settings.limit_body_bytes, settings.limit_aliases, settings.limit_depth) == (256_000, 15, 12)
    assert settings.data_key.get_secret_value() == bytes(range(32))


def test_no_secret_has_a_default():
    names = " ".join(problems(**dict.fromkeys(GOOD)))
    assert "PROP_MONGO_URI is missing" in names
    assert "PROP_DATA_KEY is missing" in names


def test_all_problems_are_told_at_once():
    found = problems(
        PROP_PORT="x", PROP_WORKERS="0", PROP_PROT="1", SANDBOX_PORT="1", PROP_DATA_KEY="AAAA", PROP_PAGE_DEFAULT="900"
    )
    assert [text.split()[0].rstrip(":") for text in found] == [
        "SANDBOX_PORT", "PROP_PROT", "PROP_DATA_KEY", "PROP_PORT", "PROP_WORKERS", "PROP_PAGE_DEFAULT",
    ]  # fmt: skip


def test_a_variable_of_the_other_world_stops_the_start_and_is_named():
    (problem,) = problems(SANDBOX_MONGO_URI="mongodb://elsewhere")
    assert problem.startswith("SANDBOX_MONGO_URI belongs to SANDBOX, and this is PRODUCTION: unset it.")


def test_an_unknown_variable_is_answered_with_the_nearest_known_one():
    assert problems(PROP_MONGO_URL="mongodb://h") == ("PROP_MONGO_URL is not a setting: did you mean PROP_MONGO_URI?",)
    assert problems(PROP_DATA_KEYFILE="k")[0].endswith("did you mean PROP_DATA_KEY_FILE?")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"PROP_DATABASE": "prop_sandbox"}, "PROP_DATABASE names a database of SANDBOX"),
        ({"PROP_EVIDENCE_DATABASE": "prop_sandbox_evidence"}, "PROP_EVIDENCE_DATABASE names a database of SANDBOX"),
        ({"PROP_MONGO_URI": "mongodb://h/prop_sandbox"}, "PROP_MONGO_URI names a database of SANDBOX"),
        ({"PROP_EVIDENCE_DATABASE": "prop"}, "PROP_EVIDENCE_DATABASE equals PROP_DATABASE"),
        ({"PROP_PUBLIC_URL": "http://prop.example.org"}, "PROP_PUBLIC_URL must begin with https://"),
        ({"PROP_METRICS_PORT": "8000"}, "PROP_METRICS_PORT equals PROP_PORT"),
        ({"PROP_TRUSTED_DOCUMENTS_ONLY": "true"}, "PROP_TRUSTED_DOCUMENTS_ONLY is set but"),
        ({"PROP_DATA_KEY": base64.b64encode(bytes(32)).decode()}, "PROP_DATA_KEY: is not random"),
        ({"PROP_PUBLIC_URL": "https://h:99999"}, "PROP_PUBLIC_URL: must be an address"),
        ({"PROP_TRUSTED_PROXIES": "10.0.0.1, all"}, "PROP_TRUSTED_PROXIES: must be addresses or networks"),
        ({"PROP_DATA_KEY_FILE": "/k"}, "PROP_DATA_KEY and PROP_DATA_KEY_FILE are both set"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(changes: dict[str, str], told: str):
    (problem,) = problems(**changes)
    assert problem.startswith(told)


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000/"])
def test_a_loopback_address_needs_no_https(url: str):
    assert read_settings(GOOD | {"PROP_PUBLIC_URL": url}, PRODUCTION).public_url == url.rstrip("/")


def test_a_secret_may_come_from_a_file(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o644)
    environ = {**GOOD, "PROP_DATA_KEY": "", "PROP_DATA_KEY_FILE": str(file)}
    assert read_settings(environ, PRODUCTION).data_key.get_secret_value() == bytes(range(32))
    assert readable_by_all(environ, PRODUCTION) == ["PROP_DATA_KEY_FILE"]
    file.chmod(0o600)
    assert readable_by_all(environ, PRODUCTION) == []


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"A" * 20_000])
def test_a_secret_file_that_is_no_good_is_named_once(tmp_path: Path, content: bytes | None):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    (problem,) = problems(PROP_DATA_KEY=None, PROP_DATA_KEY_FILE=str(file))
    assert problem.startswith("PROP_DATA_KEY_FILE")


def test_only_secrets_have_a_file_variant():
    assert problems(PROP_PORT_FILE="p")[0].startswith("PROP_PORT_FILE is not a setting")


names = st.sampled_from([variable(PRODUCTION, field) for field in Settings.model_fields]) | st.sampled_from(
    ["PROP_DATA_KEY_FILE", "PROP_MONGO_URI_FILE", "PROP_", "PROP_ \n", "SANDBOX_PORT", "HOME"]
)
values = (
    st.text(max_size=60)
    | st.integers().map(str)
    | st.sampled_from([*GOOD.values(), "/", "/dev/null", "\0", "[", "//["])
)


@given(st.dictionaries(names | st.text(max_size=100).map("PROP_".__add__), values))
def test_any_environment_gives_settings_or_a_settings_error(environ: dict[str, str]):
    found = attempt(GOOD | environ)
    assert isinstance(found, Settings) or all(problem.isprintable() for problem in found.problems)


@given(
    st.sampled_from(["mongo_uri", "data_key"]), st.from_regex(r"[A-Za-z0-9+/]{16,64}", fullmatch=True), st.booleans()
)
def test_no_secret_is_ever_told(field: str, secret: str, broken: bool):
    value = f"mongodb://u:{secret}@h" if field == "mongo_uri" and not broken else secret
    found = attempt(GOOD | {variable(PRODUCTION, field): value})
    said = f"{found} {found!r} " + (found.model_dump_json() if isinstance(found, Settings) else str(found.problems))
    assert secret not in said
    assert "hunter2" not in said


def test_settings_travel_to_a_worker_process_whole():
    settings = read_settings(GOOD, PRODUCTION)
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_the_reference_names_every_variable_and_no_secret_default():
    table = reference(PRODUCTION)
    for field in Settings.model_fields:
        assert f"| `{variable(PRODUCTION, field)}`" in table
    assert all(info.description for info in Settings.model_fields.values())
    assert "| `PROP_DATA_KEY` (or `_FILE`) | required |" in table


def test_the_readme_has_the_reference_as_it_is():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert reference(PRODUCTION) in readme, "put in what `python -m service config check --reference` prints"
