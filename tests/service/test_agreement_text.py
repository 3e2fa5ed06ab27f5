import hashlib
import os
import re
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.agreement_text import (
    AgreementText,
    AgreementTextError,
    Party,
    canonical_text,
    content_hash,
    parse_agreement,
    split_clauses,
)
from service.chinese_numerals import LARGEST, chinese_numeral, find_number
from service.errors import BadInput, ErrorCode
from service.extracted_text import MAX_BYTES
from tests.service.agreement_samples import agreements, as_extracted

EXTRACTED = (Path(__file__).parent / "agreements" / "extracted.zh.txt").read_bytes()

SMALL = """示范协议


示范用户（甲方）和示范仓库（乙方）约定如下。

一、总则

第一条 甲方登记。

第二条 乙方受理。

二、其他

第三条 双方保密。
"""


def without_space(text: str) -> str:
    return "".join(text.split())


def refusal(text: str | bytes) -> AgreementTextError:
    with pytest.raises(AgreementTextError) as caught:
        parse_agreement(text if isinstance(text, bytes) else text.encode())
    return caught.value


def test_what_an_extractor_leaves_becomes_chapters_articles_and_clauses():
    agreement = parse_agreement(EXTRACTED)
    assert agreement.title == "仓库联网示范协议"
    assert (agreement.party_a, agreement.party_b) == ("示范用户", "示范仓库（上海）有限公司")
    assert agreement.preamble.startswith("为说明解析规则，")
    assert [(chapter.number, chapter.title) for chapter in agreement.chapters] == [(1, "总则"), (2, "使用与关闭")]
    assert [[article.number for article in chapter.articles] for chapter in agreement.chapters] == [[1, 2], [3]]
    assert agreement.articles[1].heading == "第二条"


def test_chinese_joins_without_a_space_and_latin_words_keep_theirs():
    first = parse_agreement(EXTRACTED).articles[0]
    assert "（Sample Remote Store, 简称 STORE）" in first.text
    assert "“甲方”只登记一次" in first.text


def test_a_latin_word_cut_in_two_is_mended_when_it_stands_whole_elsewhere():
    assert "STORE 的接口见附件" in parse_agreement(EXTRACTED).articles[0].text
    assert "REST API" in parse_agreement(SMALL.replace("乙方受理", "乙方用 REST\nAPI 受理").encode()).articles[1].text


def test_a_mention_of_an_article_at_the_start_of_a_line_is_not_a_heading():
    text = parse_agreement(EXTRACTED).articles[1].text
    assert text == "甲方按照第一条的规定登记。第一条所述登记不收费；依据《示范法》第三条办理。"


@pytest.mark.parametrize(
    "mention",
    [
        "甲方按照\n第三条 的规定办理。",
        "甲方登记。\n第三条规定从其规定。",
        "甲方登记。\n第三条\n所述情形除外。",
        "甲方登记。第三条 之外除外。",
        "甲方登记。\n第三条第一款除外。",
        "甲方依《示范法》\n第四条 登记。",
    ],
)
def test_even_a_mention_of_the_next_article_is_not_a_heading(mention: str):
    agreement = parse_agreement(SMALL.replace("乙方受理。", mention).encode())
    assert len(agreement.articles) == 3
    assert without_space(agreement.articles[1].text) == without_space(mention)


def test_headings_without_a_blank_after_the_number_are_found():
    tight = parse_agreement(re.sub(r"(第.条) ", r"\1", SMALL).encode())
    assert [article.text for article in tight.articles] == ["甲方登记。", "乙方受理。", "双方保密。"]


def test_clauses_are_numbered_and_their_mentions_are_text():
    agreement = parse_agreement(EXTRACTED)
    clauses = agreement.articles[2].clauses
    assert [(clause.label, clause.text) for clause in clauses] == [
        ("①", "出借钥匙；"),
        ("②", "伪造收条，第①项除外；"),
        ("③", "其他。"),
    ]
    assert agreement.articles[2].text.endswith("".join(clause.label + clause.text for clause in clauses))
    assert agreement.articles[0].clauses == ()


def test_parties_of_an_article_are_those_it_names():
    articles = parse_agreement(SMALL.encode()).articles
    assert [article.parties for article in articles] == [(Party.A,), (Party.B,), (Party.A, Party.B)]


def test_parties_named_after_a_colon_are_found():
    agreement = parse_agreement(
        SMALL.replace("示范用户（甲方）和示范仓库（乙方）约定如下", "甲方：示范用户\n乙方：示范仓库").encode()
    )
    assert (agreement.party_a, agreement.party_b) == ("示范用户", "示范仓库")


def test_a_byte_order_mark_and_other_line_ends_do_not_change_the_content():
    plain = parse_agreement(SMALL.encode())
    assert parse_agreement(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode()) == plain


@given(agreements(), st.integers(0, 2**32).map(Random), st.floats(0, 0.9))
def test_wherever_the_lines_are_cut_the_agreement_is_the_same(agreement: AgreementText, random: Random, cuts: float):
    parsed = parse_agreement(as_extracted(agreement, random, cuts=cuts))
    assert parsed == agreement
    assert content_hash(parsed) == hashlib.sha256(canonical_text(agreement).encode()).hexdigest()


@given(agreements(), st.integers(0, 2**32).map(Random))
def test_no_character_but_white_space_is_lost_or_added(agreement: AgreementText, random: Random):
    written = list(as_extracted(agreement, random).decode())
    for _ in range(random.randrange(20)):
        written.insert(random.randrange(len(written)), random.choice(" \n　\t"))
    try:
        parsed = parse_agreement("".join(written).encode())
    except AgreementTextError:
        return  # white space inside a name of a party, say: refused, not altered
    assert without_space(canonical_text(parsed)) == without_space("".join(written))
    assert parse_agreement(canonical_text(parsed).encode()) == parsed


@given(st.binary(max_size=300) | st.text("第一二三十条、。\n\f 甲乙方（）①②③A1", max_size=300).map(str.encode))
def test_whatever_the_bytes_only_the_parsers_own_error_leaves(data: bytes):
    try:
        agreement = parse_agreement(data)
    except AgreementTextError as refused:
        error = refused
    else:
        error = AgreementTextError(1, "none")
        assert without_space(canonical_text(agreement)) == without_space(data.decode("utf-8-sig"))
    assert error.reason
    assert 1 <= error.line <= data.count(b"\n") + data.count(b"\r") + 1


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("第二条 乙", "第三条 乙", 10, "article 3 follows article 1; article 2 should stand here"),
        ("第二条 乙", "第一条 乙", 10, "article 1 follows article 1"),
        ("第一条 甲", "第二条 甲", 8, "the first article is number 2"),
        ("第二条 乙", "第二零条 乙", 10, "第二零条 has no number"),
        ("二、其他", "三、其他", 12, "chapter 3 follows chapter 1; chapter 2 should stand here"),
        ("二、其他", "一、其他", 12, "chapter 1 follows chapter 1"),
        ("二、其他\n", "二、其他\n\n三、附则\n", 12, "chapter 2 has no article"),
        ("第三条 双方保密。", "", 12, "chapter 2 has no article"),
        ("二、其他", "二、", 12, "chapter 2 has no title"),
        ("一、总则\n", "", 7, "article 1 stands before any chapter"),
        ("乙方受理。", "", 10, "article 2 has no text"),
        ("（甲方）", "", 1, "the preamble does not name 甲方"),
        ("（乙方）", "", 1, "the preamble does not name 乙方"),
        ("受理", "受\x00理", 10, "character U+0000 is not text"),
        ("受理", "受\u200b理", 10, "character U+200B is not text"),
        ("受理", "受\ufffd理", 10, "character U+FFFD is not text"),
        ("受理", "：①受；③理", 10, "article 2: clause ③ stands where number 2 should"),
        ("第二条", "- 12 -\f\n第二条", 10, "looks like a page number"),
        ("双方保密。\n", "双方保密。\n3\n", 15, "looks like a page number"),
        ("双方保密。", "双方保密\n第四条 甲方付费。", 15, "is this the heading of article 4"),
        ("双方保密。", "双方保密。 第四条 甲方付费。", 14, "is this the heading of article 4"),
    ],
)
def test_malformed_text_is_refused_with_its_line_and_reason(old: str, new: str, line: int, reason: str):
    assert old in SMALL
    error = refusal(SMALL.replace(old, new))
    assert reason in error.reason
    assert (error.line, error.extensions["line"]) == (line, line)
    assert isinstance(error, BadInput)
    assert error.code is ErrorCode.BAD_USER_INPUT


@pytest.mark.parametrize("empty", [b"", b"\xef\xbb\xbf", b" \n\n\f \n"])
def test_an_empty_file_is_refused(empty: bytes):
    assert refusal(empty).reason == "the file is empty"


def test_text_without_headings_is_refused():
    assert refusal("示范协议\n\n\n甲（甲方）和乙（乙方）。").reason == "there is no chapter and no article"


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_another_encoding_is_refused(encoding: str):
    assert refusal(SMALL.encode(encoding)).reason == "not UTF-8: save the text as UTF-8"


def test_the_line_of_the_first_byte_that_is_not_utf8_is_named():
    assert refusal(SMALL.encode().replace("受理".encode(), b"\xff")).line == 10


def test_a_file_over_the_limit_is_refused_at_once():
    data = bytes(50_000_000)
    started = time.process_time()
    assert "50000000 bytes" in refusal(data).reason
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(
    "evil", ["第", "第一", "第一条\n", "。\n第一条 ", "一 ", "一、\n", "a\n", "（甲方", "甲方：", "①"]
)
def test_time_grows_no_faster_than_the_text(evil: str):
    """A tenth of the limit in well under a tenth of what a quadratic parser would take (minutes)."""
    started = time.process_time()
    refusal((evil * MAX_BYTES)[: MAX_BYTES // 30])
    assert time.process_time() - started < 3


@pytest.mark.parametrize(("mention", "count"), [("①甲；②乙。", 2), ("第①项；①甲。", 1), ("①项之外，甲②乙", 0)])
def test_clauses_start_at_their_labels_only(mention: str, count: int):
    assert len(split_clauses(mention)) == count


@pytest.mark.parametrize(
    ("number", "numeral"),
    [
        (1, "一"),
        (10, "十"),
        (11, "十一"),
        (20, "二十"),
        (29, "二十九"),
        (101, "一百零一"),
        (110, "一百一十"),
        (999, "九百九十九"),
    ],
)
def test_numerals_are_those_of_headings(number: int, numeral: str):
    assert chinese_numeral(number) == numeral
    assert find_number(numeral) == number


@given(st.integers(1, LARGEST))
def test_every_number_reads_back(number: int):
    assert find_number(chinese_numeral(number)) == number


@given(st.text("零〇一二三四五六七八九十百千万"))
def test_any_other_numeral_is_none(numeral: str):
    number = find_number(numeral)
    assert number is None or chinese_numeral(number) == numeral.replace("〇", "零")


@pytest.mark.parametrize("number", [0, -1, 1000])
def test_a_number_without_numeral_is_refused(number: int):
    with pytest.raises(ValueError, match="1 to 999"):
        chinese_numeral(number)


@pytest.mark.skipif("AGREEMENT_TEXT" not in os.environ, reason="AGREEMENT_TEXT names no file with the real agreement")
def test_the_real_agreement_is_read_whole():
    data = Path(os.environ["AGREEMENT_TEXT"]).read_bytes()
    agreement = parse_agreement(data)
    assert (len(agreement.articles), len(agreement.chapters)) == (29, 6)
    assert "确保测试环境与生产环境有效隔离" in agreement.articles[16].text
    assert [clause.label for clause in agreement.articles[20].clauses] == list("①②③④⑤")
    assert without_space(canonical_text(agreement)) == without_space(data.decode("utf-8-sig"))
    assert parse_agreement(canonical_text(agreement).encode()) == agreement
