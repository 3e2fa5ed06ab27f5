"""What a revision of the agreement changed (art. 25): article by article, word by word. Pure."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from service.agreement_text import AgreementText, Article

MOST_TOKENS = 4_000  # of one article that are compared word by word; difflib is quadratic

_TOKEN = re.compile(r"[A-Za-z0-9]+|\s+|.", re.DOTALL)


class ChangeKind(StrEnum):
    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    MOVED = "MOVED"  # the same text under another number


class SegmentKind(StrEnum):
    EQUAL = "EQUAL"
    INSERT = "INSERT"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Segment:
    kind: SegmentKind
    text: str


@dataclass(frozen=True, slots=True)
class ArticleChange:
    """EQUAL and DELETE segments joined are the old text, EQUAL and INSERT the new one.

    `old_number` is None for what was added, `new_number` for what was removed.
    """

    kind: ChangeKind
    old_number: int | None
    new_number: int | None
    segments: tuple[Segment, ...]


def changes(old: AgreementText, new: AgreementText) -> tuple[ArticleChange, ...]:
    """The articles that differ, in the order of the new numbers, what was removed before what stands there now.

    Matched by equal text first, then by number. Not compared: title, preamble, and titles of chapters.
    """
    current = new.articles
    moved = _moved(old.articles, current)
    left = {article.number: article for article in old.articles if article.number not in moved}
    arrived = set(moved.values())
    came = {article.number: article for article in current if article.number not in arrived}
    found = [
        ArticleChange(ChangeKind.MOVED, was, now, (Segment(SegmentKind.EQUAL, current[now - 1].text),))
        for was, now in moved.items()
        if was != now
    ]
    found += [_removed(article) for number, article in left.items() if number not in came]
    found += [_added(article) for number, article in came.items() if number not in left]
    found += [
        ArticleChange(ChangeKind.CHANGED, number, number, diff(left[number].text, came[number].text))
        for number in left.keys() & came.keys()
    ]
    return tuple(
        sorted(found, key=lambda change: (change.new_number or change.old_number or 0, change.new_number or 0))
    )


def diff(old: str, new: str) -> tuple[Segment, ...]:
    """Word by word: a Chinese character, a Latin word, a number or a punctuation mark is a word."""
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    if max(len(before), len(after)) > MOST_TOKENS:
        return _segments(("delete", old, ""), ("insert", "", new))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return _segments(*((tag, "".join(before[i:j]), "".join(after[k:m])) for tag, i, j, k, m in matcher.get_opcodes()))


def _moved(old: Sequence[Article], new: Sequence[Article]) -> dict[int, int]:
    """Old number to new number of the articles whose text is unchanged: under the same number if there is one."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for article in new:
        numbers[article.text].append(article.number)
    stayed = {article.number for article in old if article.number in numbers.get(article.text, ())}
    moved = {number: number for number in stayed}
    for article in old:
        free = [number for number in numbers.get(article.text, ()) if number not in stayed]
        if article.number not in stayed and free:
            moved[article.number] = free[0]
            numbers[article.text].remove(free[0])
    return moved


def _added(article: Article) -> ArticleChange:
    return ArticleChange(ChangeKind.ADDED, None, article.number, _segments(("insert", "", article.text)))


def _removed(article: Article) -> ArticleChange:
    return ArticleChange(ChangeKind.REMOVED, article.number, None, _segments(("delete", article.text, "")))


def _segments(*opcodes: tuple[str, str, str]) -> tuple[Segment, ...]:
    segments = []
    for tag, before, after in opcodes:
        if tag == "equal":
            segments.append(Segment(SegmentKind.EQUAL, before))
            continue
        segments += [Segment(SegmentKind.DELETE, before)] if before else []
        segments += [Segment(SegmentKind.INSERT, after)] if after else []
    return tuple(segments)
