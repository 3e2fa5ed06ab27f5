"""Signatures of webhooks: ours verify for others, and nothing but what was signed verifies for us."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sandbox.webhooks.signatures import ID, SIGNATURE, TIMESTAMP, TOLERANCE, Verdict, new_secret, signed_headers, verify

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET, OTHER = new_secret(), new_secret()
BODY = b'{"type":"certificate.issued"}'

ids = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


def test_the_example_of_the_specification_has_the_signature_it_prints():
    headers = signed_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
    )
    assert headers[SIGNATURE] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(ids, st.binary(max_size=300))
def test_what_is_signed_verifies(message_id: str, body: bytes):
    assert verify([SECRET], signed_headers([SECRET], message_id, NOW, body), body, NOW) is Verdict.VERIFIED


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_an_independent_verifier_agrees(text: str):
    headers = signed_headers([OTHER, SECRET], "sbx-evt-1", datetime.now(UTC), text.encode())
    Webhook(SECRET).verify(text.encode(), headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(text.encode(), headers, json_parse=False)


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_what_an_independent_signer_signs_verifies_here(text: str):
    headers = {ID: "a", TIMESTAMP: str(int(NOW.timestamp())), SIGNATURE: Webhook(SECRET).sign("a", NOW, text)}
    assert verify([OTHER, SECRET], headers, text.encode(), NOW) is Verdict.VERIFIED


@given(st.binary(max_size=100), st.data())
def test_one_changed_bit_of_body_id_or_timestamp_is_found(body: bytes, data: st.DataObject):
    headers = signed_headers([SECRET], "sbx-evt-1", NOW, body)
    which = data.draw(st.sampled_from(["body", ID, TIMESTAMP]))
    if which == "body":
        body = body + b" "
    elif which == ID:
        headers[ID] += "2"
    else:
        headers[TIMESTAMP] = str(int(headers[TIMESTAMP]) + data.draw(st.integers(1, 200)))
    assert verify([SECRET], headers, body, NOW) is Verdict.WRONG_SIGNATURE


@given(st.dictionaries(st.sampled_from([ID, TIMESTAMP, SIGNATURE]), st.text(max_size=60)), st.binary(max_size=40))
def test_whatever_stands_in_the_headers_there_is_a_verdict_and_it_is_not_good(headers: dict[str, str], body: bytes):
    assert verify([SECRET], headers, body, NOW) is not Verdict.VERIFIED


@pytest.mark.parametrize("away", [TOLERANCE + timedelta(seconds=1), -TOLERANCE - timedelta(seconds=1)])
def test_what_is_too_old_or_from_the_future_is_said_to_be_so(away: timedelta):
    assert verify([SECRET], signed_headers([SECRET], "a", NOW, BODY), BODY, NOW + away) is Verdict.TOO_OLD


def test_while_a_secret_is_changed_both_verify():
    headers = signed_headers([OTHER, SECRET], "a", NOW, BODY)
    assert [verify([each], headers, BODY, NOW) for each in (SECRET, OTHER)] == [Verdict.VERIFIED] * 2
    assert verify([new_secret()], headers, BODY, NOW) is Verdict.WRONG_SIGNATURE


def test_without_a_secret_nothing_verifies():
    assert verify([], signed_headers([SECRET], "a", NOW, BODY), BODY, NOW) is Verdict.WRONG_SIGNATURE
