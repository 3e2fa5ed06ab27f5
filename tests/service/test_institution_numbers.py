"""Numbers of institutions: GB 32100, ISO 17442 and the fields of the data interface."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import institution_numbers as numbers
from service.refusals import Findings, RefusalCode, Refused

PARSERS: list[Callable[..., str]] = [
    numbers.parse_uscc,
    numbers.parse_lei,
    numbers.parse_clearing_number,
    numbers.parse_trading_unit,
    numbers.parse_securities_code,
    numbers.parse_participant_code,
    numbers.parse_operator_number,
    numbers.parse_telephone,
    numbers.parse_email,
    numbers.parse_name,
]
GB_32100 = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def make_uscc(body: str) -> str:
    """Appends the check of GB 32100-2015, written here from the standard's formula."""
    total = sum(GB_32100.index(char) * pow(3, place, 31) for place, char in enumerate(body))
    return body + GB_32100[-total % 31]


def refused(parse: Callable[..., str], text: str) -> RefusalCode:
    with pytest.raises(Refused) as caught:
        parse(text, "input", "field")
    (refusal,) = caught.value.refusals
    assert refusal.field[:2] == ("input", "field")
    assert refusal.article in {6, 11}
    assert refusal.message
    assert refusal.message_zh
    return refusal.code


def test_a_credit_code_of_the_standard_is_taken() -> None:
    assert numbers.parse_uscc("91350100M000100Y43") == "91350100M000100Y43"


def test_a_wrong_check_digit_is_refused() -> None:
    assert refused(numbers.parse_uscc, "91350100M000100Y4Z") is RefusalCode.USCC_INVALID
    assert refused(numbers.parse_uscc, "91350100M000100Y44") is RefusalCode.USCC_INVALID
    assert refused(numbers.parse_lei, "5493001KJTIIGC8Y1R13") is RefusalCode.LEI_INVALID


def test_a_legal_entity_identifier_has_twenty_characters() -> None:
    assert numbers.parse_lei("5493001KJTIIGC8Y1R12") == "5493001KJTIIGC8Y1R12"
    assert refused(numbers.parse_lei, "01") is RefusalCode.LEI_INVALID  # mod 97 is 1, and yet


def test_full_width_and_grouped_digits_become_plain() -> None:
    assert numbers.parse_uscc(" 9135-0100 m000100y43 ") == "91350100M000100Y43"
    assert numbers.parse_uscc("９１３５０１００Ｍ０００１００Ｙ４３") == "91350100M000100Y43"
    assert numbers.parse_clearing_number("js123") == "JS123"


@given(
    st.text(GB_32100, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(GB_32100, min_size=9, max_size=9),
)
def test_every_code_built_by_the_standard_is_taken_and_every_other_check_refused(
    kind: str, region: str, body: str
) -> None:
    code = make_uscc(kind + region + body)
    assert numbers.parse_uscc(code) == code
    for check in set(GB_32100) - {code[-1]}:
        assert refused(numbers.parse_uscc, code[:-1] + check) is RefusalCode.USCC_INVALID


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.one_of(st.text(max_size=60), st.from_regex(r"[+0-9A-Za-z@. -]{0,40}", fullmatch=True)))
def test_a_parser_answers_a_stable_form_or_refuses(parse: Callable[..., str], text: str) -> None:
    findings = Findings()
    form = findings.attempt(parse, text, "field")
    if form is not None:
        assert parse(form, "field") == form
    else:
        with pytest.raises(Refused):
            findings.raise_any()


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (numbers.parse_clearing_number, "JS001", "JS0010011"),
        (numbers.parse_trading_unit, "36573", "3657"),
        (numbers.parse_securities_code, "600000", "60000A"),
        (numbers.parse_participant_code, "BRK001", "1BRK"),
        (numbers.parse_operator_number, "000001", "1"),
        (numbers.parse_email, "ops@example.com", "ops@example"),
        (numbers.parse_name, "中信  证券", "a\x00b"),
    ],
)
def test_each_number_has_its_form(parse: Callable[..., str], good: str, bad: str) -> None:
    assert parse(good)
    refused(parse, bad)


def test_a_chinese_mobile_number_needs_no_country_code() -> None:
    assert numbers.parse_telephone("138 1234 1234") == "+8613812341234"
    assert numbers.parse_telephone("+44 20 7946 0958") == "+442079460958"
    assert refused(numbers.parse_telephone, "12345") is RefusalCode.TELEPHONE_INVALID


def test_a_refused_telephone_number_is_not_repeated() -> None:
    with pytest.raises(Refused) as caught:
        numbers.parse_telephone("1381234", "telephone")
    assert "1381234" not in str(caught.value)


@pytest.mark.parametrize("parse", [numbers.parse_name, numbers.parse_clearing_number])
def test_a_text_is_measured_before_it_is_normalized(parse: Callable[..., str]) -> None:
    assert parse("JS1" + " " * 40)
    refused(parse, "JS1" + " " * 120)


def test_a_number_given_twice_is_refused_at_its_place() -> None:
    with pytest.raises(Refused) as caught:
        numbers.parse_each(numbers.parse_clearing_number, ["JS001", "JS002", "js001"], "clearingNumbers")
    assert caught.value.refusals[0].field == ("clearingNumbers", "2")
