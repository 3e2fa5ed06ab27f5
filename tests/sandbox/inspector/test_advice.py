"""Advice: for every code with which a request can be refused, in both languages, and none for codes that are not."""

import re
from pathlib import Path
from string import Formatter

import pytest

import service.logins
from sandbox.inspector.advice import ADVICE, ENDED, UNKNOWN, advice_on
from schema.errors import RequestCode
from service.errors import ErrorCode
from service.refusals import RefusalCode

ALL = {**ADVICE, **ENDED}
TOKEN_ERRORS = {"invalid_client", "invalid_request", "unsupported_grant_type", "temporarily_unavailable"}


def test_every_code_has_advice_and_no_other_has():
    codes = {each.value for kind in (RefusalCode, ErrorCode, RequestCode) for each in kind}
    assert codes | TOKEN_ERRORS == set(ADVICE), "say in sandbox/inspector/advice what to do about a new code"


@pytest.mark.parametrize("code", [*sorted(ADVICE), *ENDED])
def test_advice_is_a_sentence_in_each_language_and_repeats_nobody(code: str | int):
    advice = ALL[code]
    assert advice.english[0].isupper()
    assert advice.english.endswith(".")
    assert advice.chinese.endswith("。")
    assert any("\u4e00" <= each <= "\u9fff" for each in advice.chinese)
    assert not [name for _, name, _, _ in Formatter().parse(advice.english + advice.chinese) if name]
    same = [other for other, found in ALL.items() if other != code and found == advice]
    assert same == []


def test_a_code_of_another_version_has_general_advice():
    assert advice_on("NEVER_HEARD_OF") is UNKNOWN


def test_what_ended_a_login_has_its_own_advice_by_the_article_that_ended_it():
    logins = Path(service.logins.__file__).read_text(encoding="utf-8")
    assert {int(each) for each in re.findall(r"Unauthenticated\(.*article=(\d+)\)", logins)} == set(ENDED)
    assert advice_on("UNAUTHENTICATED", 19) is ENDED[19]
    assert advice_on("UNAUTHENTICATED") is advice_on("UNAUTHENTICATED", 99) is ADVICE["UNAUTHENTICATED"]
    assert advice_on("PARTICIPANT_SUSPENDED", 19) is advice_on("PARTICIPANT_SUSPENDED")
