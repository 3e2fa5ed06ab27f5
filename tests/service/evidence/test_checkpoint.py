"""Checkpoints: signed, marked, parsed without surprise."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from service.evidence import checkpoint
from service.evidence.checkpoint import Checkpoint, LogVerifier
from service.evidence.errors import Malformed, NotVerified
from service.world import PRODUCTION

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
HEAD = Checkpoint(PRODUCTION.log_origin, 42, b"\x07" * 32, checkpoint.marks_of(PRODUCTION))
VERIFIER = LogVerifier(PRODUCTION.log_origin, KEY.public_key())

# The key and the note of the Go implementation's own example, which first spoke this format.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NEUMANN_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="


def test_a_signed_checkpoint_verifies_and_carries_the_marks_of_its_world() -> None:
    note = checkpoint.sign(HEAD, KEY)
    assert VERIFIER.verify(checkpoint.parse(note)) == HEAD
    assert "\nenvironment PRODUCTION\nbinding true\n" in note


def test_the_key_spelling_is_that_of_the_go_implementation() -> None:
    verifier = checkpoint.parse_verifier(NEUMANN)
    assert str(verifier) == NEUMANN
    signature = base64.b64decode(NEUMANN_SIGNATURE)
    assert signature[:4] == verifier.key_id
    verifier.public_key.verify(signature[4:], NEUMANN_TEXT.encode())


def test_the_example_of_the_specification_is_read() -> None:
    note = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE"
        "+xeMcTOAYQ8=\n"
    )
    signed = checkpoint.parse(note)
    assert signed.checkpoint.size == 20852163
    assert signed.checkpoint.text() == signed.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n42\n", "\n43\n"),
        ("environment PRODUCTION", "environment SANDBOX"),
        ("binding true", "binding false"),
        ("— prop.live/evidence ", "— prop.other/evidence "),
    ],
)
def test_a_changed_checkpoint_is_refused(old: str, new: str) -> None:
    with pytest.raises(NotVerified):
        VERIFIER.verify(checkpoint.parse(checkpoint.sign(HEAD, KEY).replace(old, new)))


def test_another_key_or_another_log_is_refused() -> None:
    with pytest.raises(NotVerified):
        VERIFIER.verify(checkpoint.parse(checkpoint.sign(HEAD, OTHER)))
    with pytest.raises(NotVerified):
        LogVerifier("prop.sandbox/evidence", KEY.public_key()).verify(checkpoint.parse(checkpoint.sign(HEAD, KEY)))


def test_a_witness_signature_beside_the_logs_is_no_obstacle() -> None:
    witness = "— witness.example/w1 " + base64.b64encode(b"wit1" + bytes(72)).decode()
    assert VERIFIER.verify(checkpoint.parse(f"{checkpoint.sign(HEAD, KEY)}{witness}\n")) == HEAD


VALID = checkpoint.sign(HEAD, KEY)


@given(
    st.text(max_size=300)
    | st.builds(lambda at, part: VALID[:at] + part + VALID[at + len(part) :], st.integers(0, 300), st.text(max_size=3))
)
def test_parsing_is_total_and_keeps_every_byte_of_the_text(note: str) -> None:
    try:
        signed = checkpoint.parse(note)
    except Malformed:
        return
    assert signed.checkpoint.text() == signed.text
    assert note.startswith(signed.text + "\n")


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        "a\n1\n\n— a AAAAAAAA\n",
        VALID.replace("\n42\n", "\n042\n"),
        VALID.replace("\n42\n", "\n٤٢\n"),
        VALID.replace("\n\n", "\n"),
        VALID.replace("\n", "\r\n"),
        VALID.removesuffix("\n"),
        VALID + "x" * checkpoint.MAX_BYTES,
    ],
)
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(Malformed):
        checkpoint.parse(note)


@given(st.text(max_size=100) | st.from_regex(r"[a-z]{1,5}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", fullmatch=True))
def test_reading_a_log_key_is_total(text: str) -> None:
    with pytest.raises(Malformed):
        checkpoint.parse_verifier(text)
