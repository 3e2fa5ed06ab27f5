"""Reports of conformance: written and read without doubt, and believed for a signature of the sandbox alone."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, KeySet

from service.conformance_reports import (
    VALID_FOR,
    CaseResult,
    ConformanceReport,
    ReportVerdict,
    Sentence,
    compose,
    parse,
    verify_report,
)
from service.evidence import canonical, receipts
from service.evidence.errors import EvidenceError, Malformed, NotVerified
from service.evidence.records import Marks
from service.keys import REPORT_TYPE
from service.world import Environment

ENDED = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
MARKS = Marks("SANDBOX", binding=False, notice="not binding")
KEY = ECKey.generate_key("P-256", auto_kid=True)
KEYS = KeySet([ECKey.import_key(KEY.as_dict(private=False))])


def make_report(**changes: Any) -> ConformanceReport:
    plain: dict[str, Any] = {
        "run": "run-1",
        "suite": "ab" * 32,
        "participant": "sbx-par-1",
        "participant_code": "BRK001",
        "uscc": "91999999MA0BRK017H",
        "legal_name": "湖畔证券",
        "verdict": ReportVerdict.PASS,
        "begun_at": ENDED - timedelta(minutes=5),
        "ended_at": ENDED,
        "cases": (CaseResult("log-in", 13, Sentence("Log in", "登录"), ReportVerdict.PASS, 1),),
        "keys": ("00" * 32, "ff" * 32),
    }
    return ConformanceReport(**plain | changes)


def signed(data: bytes, key: ECKey = KEY, kind: str = REPORT_TYPE) -> str:
    return receipts.sign(data, key, kind)


sentences = st.builds(Sentence, st.text(max_size=20), st.text(max_size=20))
reports = st.builds(
    make_report,
    legal_name=st.text(max_size=30),
    verdict=st.sampled_from(ReportVerdict),
    keys=st.sets(st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=5).map(lambda keys: tuple(sorted(keys))),
    cases=st.lists(
        st.builds(
            CaseResult,
            st.text(max_size=10),
            st.integers(1, 29),
            sentences,
            st.sampled_from(ReportVerdict),
            st.integers(0, 10),
            st.lists(sentences, max_size=3).map(tuple),
        ),
        max_size=4,
    ).map(tuple),
)


@given(reports)
def test_what_was_written_is_read(report: ConformanceReport):
    assert parse(compose(report, MARKS), Environment.SANDBOX) == report


@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(st.none() | st.text() | st.integers(), st.lists).map(
            lambda value: json.dumps({"version": 1, "cases": value}).encode()
        ),
    )
)
def test_whatever_is_no_report_is_refused_and_nothing_else_happens(data: bytes):
    with pytest.raises(EvidenceError):
        parse(data, Environment.SANDBOX)


STILL_REPORTS = {
    ("notice", "null"),
    ("notice", '"x"'),
    ("run", '"x"'),
    ("suite", '"x"'),
    ("cases", "[]"),
    ("keys", "[]"),
}


@pytest.mark.parametrize("field", json.loads(compose(make_report(), MARKS)))
@pytest.mark.parametrize("value", [None, 7, "x", [], {}, True])
def test_a_field_of_another_form_is_refused(field: str, value: object):
    said = json.loads(compose(make_report(), MARKS))
    if (field, json.dumps(value)) in STILL_REPORTS:
        return
    with pytest.raises(EvidenceError):
        parse(canonical.encode(said | {field: value}), Environment.SANDBOX)


def test_a_report_is_good_for_ninety_days_and_says_so_itself():
    said = json.loads(compose(make_report(), MARKS))
    assert said["validUntil"] == "2026-05-30T12:00:00Z"
    assert make_report().valid_until - ENDED == VALID_FOR
    with pytest.raises(Malformed):
        parse(canonical.encode(said | {"validUntil": "2030-05-30T12:00:00Z"}), Environment.SANDBOX)


def test_a_report_whose_ninety_days_end_after_all_time_is_none():
    said = json.loads(compose(make_report(), MARKS))
    with pytest.raises(Malformed):
        parse(canonical.encode(said | {"endedAt": "9999-12-31T00:00:00Z"}), Environment.SANDBOX)


def test_a_report_of_another_world_or_one_that_binds_is_not_believed():
    data = compose(make_report(), MARKS)
    with pytest.raises(NotVerified):
        parse(data, Environment.PRODUCTION)
    for marks in (Marks("PRODUCTION", binding=False, notice=None), Marks("SANDBOX", binding=True, notice=None)):
        with pytest.raises(NotVerified):
            parse(compose(make_report(), marks), Environment.SANDBOX)


def test_only_a_pinned_key_makes_a_report_and_a_receipt_is_none():
    data = compose(make_report(), MARKS)
    assert verify_report(signed(data) + "\n", KEYS, Environment.SANDBOX) == make_report()
    with pytest.raises(NotVerified):
        verify_report(signed(data, ECKey.generate_key("P-256", auto_kid=True)), KEYS, Environment.SANDBOX)
    with pytest.raises(Malformed):
        verify_report(signed(data, kind=receipts.TYPE), KEYS, Environment.SANDBOX)
    header, payload, signature = signed(data).split(".")
    other = signed(compose(make_report(verdict=ReportVerdict.FAIL), MARKS)).split(".")[1]
    with pytest.raises(NotVerified):
        verify_report(f"{header}.{other}.{signature}", KEYS, Environment.SANDBOX)
    assert payload != other
