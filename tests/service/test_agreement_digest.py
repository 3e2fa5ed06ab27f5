import os
import re
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from service.agreement_digest import read_digest
from service.agreement_english import canonical_english
from service.agreement_search import SearchIndex
from service.agreement_text import Party, canonical_text, parse_agreement


def test_the_digest_has_the_numbers_of_the_agreement():
    digest = read_digest()
    assert [article.number for article in digest.chinese.articles] == list(range(1, 30))
    numbers = [[article.number for article in chapter.articles] for chapter in digest.chinese.chapters]
    assert [(first[0], first[-1]) for first in numbers] == [(1, 5), (6, 8), (9, 17), (18, 20), (21, 24), (25, 29)]


def test_article_21_has_five_clauses_in_both_languages():
    digest = read_digest()
    for article in (digest.chinese.articles[20], digest.english.articles[20]):
        assert [clause.label for clause in article.clauses] == list("①②③④⑤")
    assert {article.number for article in digest.chinese.articles if article.clauses} == {21}


def test_both_languages_name_the_same_parties_in_every_article():
    digest = read_digest()
    for chinese, english in zip(digest.chinese.articles, digest.english.articles, strict=True):
        both = re.search(r"\b[Pp]art(ies|y)\b(?! [AB])", english.text.replace("third party", ""))
        named = tuple(party for party in Party if both or f"Party {party.value}" in english.text)
        assert named == chinese.parties, chinese.number


def test_the_digest_says_that_it_is_one_and_binds_nobody():
    digest = read_digest()
    assert "摘要" in digest.chinese.title
    assert "不是合同" in digest.chinese.preamble
    assert "Digest" in digest.english.title
    assert "not the contract and binds nobody" in digest.english.preamble


def test_the_files_are_written_canonically():
    digest = read_digest()
    assert canonical_text(digest.chinese).encode() == digest.chinese_data
    assert canonical_english(digest.english).encode() == digest.english_data


def test_the_digest_is_searched_in_both_languages():
    digest = read_digest()
    index = SearchIndex.of(digest.chinese, digest.english)
    assert index.search("测试环境")[0].number == 17
    assert [match.number for match in index.search("least privilege")] == [11]


@pytest.mark.skipif("AGREEMENT_TEXT" not in os.environ, reason="AGREEMENT_TEXT names no file with the real agreement")
def test_the_digest_is_in_words_of_its_own():
    real = parse_agreement(Path(os.environ["AGREEMENT_TEXT"]).read_bytes())
    sides = [re.sub(r"\s", "", canonical_text(text)) for text in (read_digest().chinese, real)]
    longest = SequenceMatcher(None, *sides, autojunk=False).find_longest_match()
    assert longest.size <= 12, sides[0][longest.a : longest.a + longest.size]
