import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.agreement_english import parse_english
from service.agreement_search import MAX_QUERY, ArticleMatch, Language, SearchIndex, Span
from service.agreement_text import AgreementText, parse_agreement
from service.errors import BadInput
from tests.service.agreement_samples import agreements

CHINESE = """示范协议


示范用户（甲方）和示范仓库（乙方）约定如下。

一、总则

第一条 甲方更新 PROP 的数字证书，证书到期前办理；ＡＰＩ接口另行约定。

第二条 数字
证书用于登录。

第三条 存放物品与证书无关,测试数据
仅用于测试。
"""

ENGLISH = """Sample Agreement


Between a sample user and a sample store.

1. General

Article 1 Party A renews its certificate.

Article 2 The certificate is for login.

Article 3 Test data is for testing only.
"""

AGREEMENT = parse_agreement(CHINESE.encode())
INDEX = SearchIndex.of(AGREEMENT, parse_english(ENGLISH.encode(), AGREEMENT))


def found(query: str) -> list[int]:
    return [match.number for match in INDEX.search(query)]


def text_of(match: ArticleMatch, span: Span) -> str:
    return AGREEMENT.articles[match.number - 1].text[span.start : span.end]


def test_a_phrase_that_a_line_break_had_cut_is_found():
    best = INDEX.search("测试数据仅用于测试")[0]
    assert (best.number, best.is_phrase, best.score) == (3, True, 1.0)
    assert [text_of(best, span) for span in best.spans] == ["测试数据仅用于测试"]
    assert "测试数据仅用于测试" in best.snippet


@pytest.mark.parametrize(
    ("query", "matched"),
    [
        ("更新PROP的数字", "更新 PROP 的数字"),
        ("更新 prop 的", "更新 PROP 的"),
        ("更新ＰＲＯＰ", "更新 PROP"),
        ("api接口", "ＡＰＩ接口"),
        ("证书，证", "证书，证"),
        ("证书,证", "证书，证"),
    ],
)
def test_width_case_and_blanks_beside_chinese_do_not_count(query: str, matched: str):
    best = INDEX.search(query)[0]
    assert (best.number, [text_of(best, span) for span in best.spans]) == (1, [matched])


def test_every_occurrence_of_a_phrase_is_a_span():
    assert [text_of(match, span) for match in INDEX.search("证书")[:1] for span in match.spans] == ["证书", "证书"]


def test_the_phrase_comes_before_what_shares_its_words():
    assert found("数字证书用于登录")[0] == 2
    assert found("更新数字证书") == [1, 2]
    matches = INDEX.search("更新数字证书")
    assert [match.is_phrase for match in matches] == [False, False]
    assert matches[0].score > matches[1].score >= 0.5


def test_shared_words_are_shown_as_merged_spans():
    best = INDEX.search("更新数字证书")[0]
    assert [text_of(best, span) for span in best.spans] == ["更新", "数字证书", "证书"]


def test_the_english_is_searched_and_its_spans_are_of_the_english():
    best = INDEX.search("TEST data")[0]
    assert (best.number, best.language, best.spans) == (3, Language.ENGLISH, (Span(0, 9),))


def test_a_latin_word_is_not_found_in_the_middle_of_another():
    assert found("certif") == [1, 2]
    assert found("ificate") == []


def test_what_is_nowhere_gives_nothing():
    assert found("量子力学") == []


@pytest.mark.parametrize("query", ["", " \n", "，。！", "x" * (MAX_QUERY + 1)])
def test_a_query_without_content_or_too_long_is_refused(query: str):
    with pytest.raises(BadInput):
        INDEX.search(query)


def test_the_longest_query_is_answered():
    assert found("测" * MAX_QUERY) == []


@given(agreements(), st.data())
def test_any_piece_of_an_article_finds_it_as_a_phrase(agreement: AgreementText, data: st.DataObject):
    article = data.draw(st.sampled_from(agreement.articles))
    start = data.draw(st.integers(0, len(article.text) - 1))
    piece = article.text[start : start + data.draw(st.integers(1, 60))]
    if not any(char.isalnum() for char in piece) or article.text[max(0, start - 1) : start + 1].isascii():
        return  # punctuation alone is refused; the middle of a Latin word is not looked for
    matches = {match.number: match for match in SearchIndex.of(agreement).search(piece)}
    assert matches[article.number].is_phrase
    assert any(span.start <= start + 1 and start < span.end for span in matches[article.number].spans)


@given(agreements(), st.text(max_size=50))
def test_spans_lie_within_the_article_and_in_order(agreement: AgreementText, query: str):
    try:
        matches = SearchIndex.of(agreement).search(query)
    except BadInput:
        return
    for match in matches:
        bounds = [bound for span in match.spans for bound in (span.start, span.end)]
        assert bounds == sorted(bounds)
        assert 0 <= bounds[0] < bounds[-1] <= len(agreement.articles[match.number - 1].text)
        assert 0.5 <= match.score <= 1
