"""`prop evidence verify`: a record, its receipt and its place in the log, with nothing but files."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.evidence.checkpoint import LogVerifier
from service.world import PRODUCTION
from tests.service.evidence.test_verify import KEY, LOG, OTHER, make_file, make_neighbour
from tests.service.test_cli import prop


def verified(directory: Path, file: dict[str, Any], *, key: Any = KEY) -> tuple[int, str]:
    """The exit status, and what was said."""
    paths = {name: directory / name for name in ("record.json", "jwks.json", "key")}
    paths["record.json"].write_text(json.dumps(file))
    paths["jwks.json"].write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    paths["key"].write_text(f"{LogVerifier(PRODUCTION.log_origin, LOG.public_key())}\n")
    given = ("--jwks", str(paths["jwks.json"]), "--key", str(paths["key"]))
    result = prop("evidence", "verify", str(paths["record.json"]), *given)
    return result.exit_code, result.output


def test_a_record_verifies_without_settings_and_says_what_it_is(tmp_path: Path) -> None:
    status, said = verified(tmp_path, make_file())
    assert status == 0, said
    assert said.startswith("Verified: operator.offboarded by live-op-1 at 2026-11-22T08:00:00.000Z, PRODUCTION")
    assert "Entry 3 of a log of 5" in said


@pytest.mark.parametrize("name", ["content", "hash", "receipt", "proof"])
def test_a_record_that_was_tampered_with_ends_in_a_sentence_and_status_1(tmp_path: Path, name: str) -> None:
    file, other = make_file(), make_file(index=2, kind="operator.registered")
    status, said = verified(tmp_path, {**file, name: other[name]})
    assert status == 1
    assert said.strip()
    assert "Verified" not in said
    assert "Traceback" not in said


def test_another_key_and_the_other_world_verify_nothing(tmp_path: Path) -> None:
    assert verified(tmp_path, make_file(), key=OTHER)[0] == 1
    status, said = verified(tmp_path, make_file(make_neighbour()))
    assert status == 1
    assert "PRODUCTION" in said
