"""Where the chapters and articles of an agreement begin: headings told from references, and their numbers in order.

An article's heading has three signs: it begins a line, the sentence before has ended, and a blank follows the number.
What lacks one of them and would be the next article is refused, never guessed at.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from service.chinese_numerals import find_number
from service.extracted_text import ExtractedText

SENTENCE_MARKS = re.compile(r"[，。；！？：]")

_NUMERAL = r"(?:[零〇一二三四五六七八九十百千]\s?)++"
_MARK = re.compile(rf"(?P<article>第\s?(?P<number>{_NUMERAL})条)|(?<!\S)(?P<chapter>{_NUMERAL})(?P<comma>、)?")
_SENTENCE_END = re.compile(r"[。！？!?.][”’』」）)\"]*\Z")
_REFERENCE = re.compile(rf"\s?(?:所\s?[述列称指]|[规约]\s?定|[的之款、，。；：）和及与或至]|第\s?{_NUMERAL}[款项条])")
_TITLE_LENGTH = 100  # code points


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading between two offsets of the text; up to the next one reaches a chapter's title or an article's body."""

    is_article: bool
    number: int
    start: int
    end: int


def find_headings(source: ExtractedText) -> list[Heading]:
    """The headings of a Chinese agreement in the order of the text.

    Raises AgreementTextError for a number that is none (第十十条) and for a doubtful last heading. Not checked: the
    order of the numbers, see `ensure_order`.
    """
    marks = [mark for mark in _MARK.finditer(source.text) if mark["article"] or mark["comma"]]
    openers = [mark for mark in marks if source.starts_line(mark.start())]
    ends = [mark.start() for mark in openers[1:]] + [len(source.text)]
    headings: list[Heading] = []
    for mark, end in zip(openers, ends[: len(openers)], strict=True):
        above = headings[-1] if headings else None
        if _opens_article(source, mark, above) if mark["article"] else _opens_chapter(source, mark, above, end):
            headings.append(_heading(source, mark))
    _ensure_none_missed(source, marks, headings)
    return headings


def ensure_order(source: ExtractedText, headings: Iterable[Heading]) -> None:
    """Chapters count from 1; articles count from 1 through all chapters; every chapter has an article."""
    chapters = articles = 0
    open_chapter: Heading | None = None
    for heading in headings:
        if not heading.is_article:
            _ensure_has_article(source, open_chapter)
            chapters, open_chapter = _next_number(source, heading, chapters, "chapter"), heading
        elif not chapters:
            raise source.error(heading.start, f"article {heading.number} stands before any chapter")
        else:
            articles, open_chapter = _next_number(source, heading, articles, "article"), None
    _ensure_has_article(source, open_chapter)


def stands_below(mark: re.Match[str], above: Heading) -> bool:
    """Between the two there is a title or nothing: no sentence that could have ended."""
    return not above.is_article or mark.start() <= above.end + 1


def split_head(
    source: ExtractedText, end: int, sentence_marks: re.Pattern[str], *, between_scripts: str = ""
) -> tuple[str, str]:
    """Title and preamble. The title may have been cut too: it reaches to the first wide gap, unless a sentence does."""
    head = source.text[:end]
    title, wide_gap, _ = head.partition("\f")
    if not wide_gap or sentence_marks.search(title):
        title = re.split(r"[\n\f]", head, maxsplit=1)[0]
    preamble = source.joined(len(title), end, between_scripts=between_scripts)
    return source.joined(0, len(title), between_scripts=between_scripts), preamble


def _opens_article(source: ExtractedText, mark: re.Match[str], above: Heading | None) -> bool:
    ended = above is not None and stands_below(mark, above)
    return (ended or _sentence_ended(source, mark)) and (
        _blank_follows(source, mark) or _REFERENCE.match(source.text, mark.end()) is None
    )


def _opens_chapter(source: ExtractedText, mark: re.Match[str], above: Heading | None, end: int) -> bool:
    """一、总则: what follows up to the next line with a number is a title, for it is short and holds no sentence."""
    title = source.text[mark.end() : min(end, mark.end() + _TITLE_LENGTH + 1)]
    is_title = len(title) <= _TITLE_LENGTH and SENTENCE_MARKS.search(title) is None
    return is_title and (above is None or stands_below(mark, above) or _sentence_ended(source, mark))


def _sentence_ended(source: ExtractedText, mark: re.Match[str]) -> bool:
    before = source.text[max(0, mark.start() - 8) : mark.start()]
    return _SENTENCE_END.search(before.rstrip()) is not None


def _blank_follows(source: ExtractedText, mark: re.Match[str]) -> bool:
    return source.text[mark.end() : mark.end() + 1] == " "


def _heading(source: ExtractedText, mark: re.Match[str]) -> Heading:
    number = _number(mark)
    if number is None:
        raise source.error(mark.start(), f"{''.join(mark.group().split())} has no number from 1 to 999")
    return Heading(mark["article"] is not None, number, *mark.span())


def _number(mark: re.Match[str]) -> int | None:
    return find_number("".join((mark["number"] or mark["chapter"]).split()))


def _ensure_none_missed(source: ExtractedText, marks: list[re.Match[str]], headings: list[Heading]) -> None:
    """A last heading with two of the three signs would otherwise vanish into the article before it."""
    last = next((heading for heading in reversed(headings) if heading.is_article), None)
    missing, begin = (last.number + 1, last.end) if last else (1, 0)
    for mark in marks:
        if mark.start() < begin or not mark["article"] or _number(mark) != missing or _names_another_law(source, mark):
            continue
        signs = source.starts_line(mark.start()), _sentence_ended(source, mark), _blank_follows(source, mark)
        if sum(signs) >= 2:
            raise source.error(mark.start(), f"is this the heading of article {missing}, or a mention of it?")


def _names_another_law(source: ExtractedText, mark: re.Match[str]) -> bool:
    return source.text[max(0, mark.start() - 2) : mark.start()].rstrip().endswith("》")


def _ensure_has_article(source: ExtractedText, chapter: Heading | None) -> None:
    if chapter is not None:
        raise source.error(chapter.start, f"chapter {chapter.number} has no article")


def _next_number(source: ExtractedText, heading: Heading, last: int, noun: str) -> int:
    if heading.number == last + 1:
        return heading.number
    found = f"{noun} {heading.number} follows {noun} {last}" if last else f"the first {noun} is number {heading.number}"
    raise source.error(heading.start, f"{found}; {noun} {last + 1} should stand here")
