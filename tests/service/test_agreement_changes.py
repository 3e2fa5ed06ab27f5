import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.agreement_changes import MOST_TOKENS, ArticleChange, ChangeKind, Segment, SegmentKind, changes, diff
from service.agreement_text import AgreementText, parse_agreement
from tests.service.agreement_samples import agreements

NUMERALS = "一二三四五六七八九"


def agreement_of(*texts: str) -> AgreementText:
    articles = "\n\n".join(f"第{NUMERALS[place]}条 {text}" for place, text in enumerate(texts))
    return parse_agreement(f"协议\n\n\n用户（甲方）和仓库（乙方）。\n\n一、总则\n\n{articles}\n".encode())


def side(segments: tuple[Segment, ...], other: SegmentKind) -> str:
    return "".join(segment.text for segment in segments if segment.kind in (SegmentKind.EQUAL, other))


def kinds(found: tuple[ArticleChange, ...]) -> list[tuple[ChangeKind, int | None, int | None]]:
    return [(change.kind, change.old_number, change.new_number) for change in found]


def test_equal_agreements_have_no_changes():
    assert changes(agreement_of("甲。", "乙。"), agreement_of("甲。", "乙。")) == ()


def test_a_changed_article_shows_its_words():
    (change,) = changes(
        agreement_of("甲方每年检查 PROP 证书。", "乙。"), agreement_of("甲方每月检查 PROPS 证书。", "乙。")
    )
    assert kinds((change,)) == [(ChangeKind.CHANGED, 1, 1)]
    assert change.segments == (
        Segment(SegmentKind.EQUAL, "甲方每"),
        Segment(SegmentKind.DELETE, "年"),
        Segment(SegmentKind.INSERT, "月"),
        Segment(SegmentKind.EQUAL, "检查 "),
        Segment(SegmentKind.DELETE, "PROP"),
        Segment(SegmentKind.INSERT, "PROPS"),
        Segment(SegmentKind.EQUAL, " 证书。"),
    )


def test_an_inserted_article_moves_those_after_it():
    found = changes(agreement_of("甲。", "乙。", "丙。"), agreement_of("甲。", "新。", "乙。", "丙。"))
    assert kinds(found) == [(ChangeKind.ADDED, None, 2), (ChangeKind.MOVED, 2, 3), (ChangeKind.MOVED, 3, 4)]


def test_a_removed_article_moves_those_after_it():
    found = changes(agreement_of("甲。", "乙。", "丙。"), agreement_of("甲。", "丙。"))
    assert kinds(found) == [(ChangeKind.REMOVED, 2, None), (ChangeKind.MOVED, 3, 2)]


def test_swapped_articles_have_moved():
    found = changes(agreement_of("甲。", "乙。"), agreement_of("乙。", "甲。"))
    assert kinds(found) == [(ChangeKind.MOVED, 2, 1), (ChangeKind.MOVED, 1, 2)]


def test_of_two_articles_with_one_text_each_is_matched_once():
    found = changes(agreement_of("同。", "同。"), agreement_of("新。", "同。", "同。"))
    assert kinds(found) == [(ChangeKind.ADDED, None, 1), (ChangeKind.MOVED, 1, 3)]


@given(agreements(), agreements(), st.data())
def test_changes_lead_from_the_old_agreement_to_the_new(old: AgreementText, other: AgreementText, data: st.DataObject):
    kept = data.draw(st.lists(st.sampled_from(old.articles + other.articles), min_size=1, max_size=20))
    articles = tuple(replace(article, number=number) for number, article in enumerate(kept, start=1))
    new = replace(old, chapters=(replace(old.chapters[0], articles=articles),))
    before = {article.number: article.text for article in old.articles}
    after = {article.number: article.text for article in new.articles}
    found = changes(old, new)
    for change in found:
        assert side(change.segments, SegmentKind.DELETE) == before.pop(change.old_number or 0, "")
        assert side(change.segments, SegmentKind.INSERT) == after.pop(change.new_number or 0, "")
    assert before == after


@given(st.text("甲乙丙 ab1，。"), st.text("甲乙丙 ab1，。"))
def test_equal_and_deleted_give_the_old_equal_and_inserted_the_new(old: str, new: str):
    segments = diff(old, new)
    assert side(segments, SegmentKind.DELETE) == old
    assert side(segments, SegmentKind.INSERT) == new
    assert all(segment.text for segment in segments)


@pytest.mark.parametrize("length", [MOST_TOKENS + 1, 600_000])
def test_a_very_long_article_is_not_compared_word_by_word(length: int):
    started = time.process_time()
    segments = diff("甲" * length, "甲" * length + "乙")
    assert [segment.kind for segment in segments] == [SegmentKind.DELETE, SegmentKind.INSERT]
    assert time.process_time() - started < 2
