"""A record file verified offline: every step must be able to say no."""

import base64
import dataclasses
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, KeySet
from joserfc.util import urlsafe_b64encode

from service.evidence import canonical, checkpoint, merkle, receipts, records
from service.evidence.checkpoint import Checkpoint, LogVerifier
from service.evidence.errors import EvidenceError, Malformed, NotVerified
from service.evidence.verify import Verified, verify_record
from service.world import PRODUCTION, Environment, World

KEY = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
OTHER = ECKey.generate_key("P-256", auto_kid=True)
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def make_neighbour() -> World:
    return dataclasses.replace(PRODUCTION, environment=Environment.SANDBOX, binding=False, notice="of no effect")


def public(*keys: ECKey) -> KeySet:
    document = {"keys": [key.as_dict(private=False) for key in keys]}
    return receipts.parse_keys(json.dumps(document).encode())


def make_content(world: World, **changes: Any) -> bytes:
    fields = {
        "actor": {"kind": "OPERATOR", "id": "live-op-1", "participant": "live-par-1", "certificate": "ab" * 32},
        "at": "2026-11-22T08:00:00.000Z",
        "content": {"reason": "离职"},
        "id": "live-rec-1",
        "kind": "operator.offboarded",
        "participant": "live-par-1",
        "subject": "live-op-2",
    }
    return records.compose(records.Marks.of(world), fields | changes)


def make_file(world: World = PRODUCTION, index: int = 3, size: int = 5, **changes: Any) -> dict[str, Any]:
    content = make_content(world, **changes)
    hashed = canonical.digest(content)
    leaves = [merkle.hash_leaf(bytes([number]) * 32) for number in range(size)]
    leaves[index] = merkle.hash_leaf(bytes.fromhex(hashed))

    def node(level: int, place: int) -> bytes:
        return merkle.root_of(leaves[place << level : (place + 1) << level])

    head = Checkpoint(world.log_origin, size, merkle.root_of(leaves), checkpoint.marks_of(world))
    hashes = merkle.fold_nodes(merkle.inclusion_nodes(index, size), node)
    return {
        "content": content.decode(),
        "hash": hashed,
        "receipt": receipts.sign(content, KEY),
        "proof": {
            "index": index,
            "size": size,
            "hashes": [base64.b64encode(each).decode() for each in hashes],
            "checkpoint": checkpoint.sign(head, LOG),
        },
    }


def verify(file: dict[str, Any], world: World = PRODUCTION, keys: KeySet | None = None) -> Verified:
    log = LogVerifier(world.log_origin, LOG.public_key())
    return verify_record(json.dumps(file).encode(), world=world, keys=keys or public(KEY), log=log)


def test_a_genuine_record_file_verifies() -> None:
    verified = verify(make_file())
    assert verified.record["content"] == {"reason": "离职"}
    assert verified.record["binding"] is True
    assert (verified.index, verified.checkpoint.size) == (3, 5)


def test_step_1_a_record_without_proof_or_with_other_fields_is_refused() -> None:
    for change in ({"proof": None}, {"more": 1}, {"hash": 3}):
        with pytest.raises(Malformed):
            verify(make_file() | change)


def test_step_2_a_content_that_is_not_hashed_is_refused() -> None:
    file = make_file()
    with pytest.raises(NotVerified, match="hash"):
        verify(file | {"content": file["content"].replace("离职", "离岗")})
    with pytest.raises(Malformed, match="canonical"):
        verify(file | {"content": file["content"].replace('"kind"', ' "kind"')})


def test_step_3_a_record_of_the_other_world_is_refused() -> None:
    with pytest.raises(NotVerified, match="SANDBOX"):
        verify(make_file(make_neighbour()))


def test_step_4_a_receipt_by_another_key_or_over_another_record_is_refused() -> None:
    with pytest.raises(NotVerified, match="key set"):
        verify(make_file(), keys=public(OTHER))
    with pytest.raises(NotVerified, match="another record"):
        verify(make_file() | {"receipt": make_file(kind="operator.frozen")["receipt"]})


def test_step_4_a_receipt_signed_by_a_stranger_under_a_known_key_id_is_refused() -> None:
    content = make_file()["content"]
    forged = jws.serialize_compact({"alg": "ES256", "kid": KEY.kid, "typ": receipts.TYPE}, content, OTHER, ["ES256"])
    with pytest.raises(NotVerified, match="signature"):
        verify(make_file() | {"receipt": forged})


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_step_4_no_algorithm_and_key_confusion_are_refused(algorithm: str) -> None:
    header = json.dumps({"alg": algorithm, "kid": KEY.kid, "typ": receipts.TYPE}).encode()
    parts = b".".join(urlsafe_b64encode(each) for each in (header, make_file()["content"].encode()))
    seal = hmac.digest(KEY.as_pem(private=False), parts, "sha256") if algorithm == "HS256" else b"\x00"
    forged = b".".join((parts, urlsafe_b64encode(seal))).decode()
    with pytest.raises(Malformed):
        verify(make_file() | {"receipt": forged})


def test_step_5_a_checkpoint_of_another_log_or_with_other_marks_is_refused() -> None:
    file = make_file()
    root = checkpoint.parse(file["proof"]["checkpoint"]).checkpoint.root
    for head in (
        Checkpoint("elsewhere/evidence", 5, root, checkpoint.marks_of(PRODUCTION)),
        Checkpoint(PRODUCTION.log_origin, 5, root),
        Checkpoint(PRODUCTION.log_origin, 5, root, checkpoint.marks_of(make_neighbour())),
        Checkpoint(PRODUCTION.log_origin, 6, root, checkpoint.marks_of(PRODUCTION)),
    ):
        with pytest.raises(NotVerified):
            verify(file | {"proof": file["proof"] | {"checkpoint": checkpoint.sign(head, LOG)}})


def test_step_6_a_proof_of_another_place_is_refused() -> None:
    file = make_file()
    for change in ({"index": 2}, {"hashes": file["proof"]["hashes"][:-1]}, {"hashes": []}):
        with pytest.raises(NotVerified):
            verify(file | {"proof": file["proof"] | change})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["content", "hash", "receipt", "proof", "index", "size", "hashes", "checkpoint"]), JSON)
def test_verification_is_total(field: str, value: Any) -> None:
    file = make_file()
    inside = file if field in file else file["proof"]
    if inside[field] == value:
        return
    inside[field] = value
    with pytest.raises(EvidenceError):
        verify(file)


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}"))
def test_reading_a_receipt_is_total(text: str) -> None:
    with pytest.raises(EvidenceError):
        receipts.verify(text, public(KEY))


@given(JSON)
def test_reading_a_key_set_is_total(value: Any) -> None:
    for document in (value, {"keys": value}, {"keys": [value]}, {"keys": [{"kty": "EC", "crv": "P-256", "x": value}]}):
        with pytest.raises(EvidenceError):
            receipts.parse_keys(json.dumps(document).encode())


def test_a_key_set_with_a_private_or_foreign_key_is_refused() -> None:
    for key in (
        KEY.as_dict(private=True),
        ECKey.generate_key("P-384").as_dict(private=False),
        {"kty": "oct", "k": "AA"},
    ):
        with pytest.raises(Malformed):
            receipts.parse_keys(json.dumps({"keys": [key]}).encode())
