"""The English translation beside the agreement: the same numbers, checked against the Chinese. It binds nobody."""

import re
from dataclasses import dataclass

from service.agreement_headings import Heading, ensure_order, split_head, stands_below
from service.agreement_text import AgreementText, Clause, split_clauses
from service.extracted_text import ExtractedText, read_extracted

_MARK = re.compile(
    r"(?:^|(?<=[\n\f]))(?:"
    r"(?P<article>A(?:rticle|RTICLE)\s(?P<number>\d{1,3})(?P<stop>[.:]?)(?=\s|\Z))|"
    r"(?P<chapter>C(?:hapter|HAPTER)\s(?P<named>\d{1,3}|[IVXLC]+)[.:]?|(?P<bare>\d{1,3}|[IVXLC]+)\.)(?=\s))"
)
_SENTENCE_END = re.compile(r"[.!?;:][\"”’)]*\Z")
_SENTENCE_MARKS = re.compile(r"[.;:!?]")
_TITLE_LENGTH = 100  # code points
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


@dataclass(frozen=True, slots=True)
class EnglishArticle:
    """`clauses` is empty where the translation does not mark them with ①, ②."""

    number: int
    text: str
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class EnglishChapter:
    number: int
    title: str
    articles: tuple[EnglishArticle, ...]


@dataclass(frozen=True, slots=True)
class EnglishText:
    title: str
    preamble: str
    chapters: tuple[EnglishChapter, ...]

    @property
    def articles(self) -> tuple[EnglishArticle, ...]:
        """All articles in order: number N is at index N - 1."""
        return tuple(article for chapter in self.chapters for article in chapter.articles)

    def find_article(self, number: int) -> EnglishArticle | None:
        return next((article for article in self.articles if article.number == number), None)


def parse_english(data: bytes, of: AgreementText) -> EnglishText:
    """Read a translation: chapters `Chapter I General`, `Chapter 1 General` or `1. General`, articles `Article 17 ...`.

    Raises AgreementTextError with the line and the reason; refused is also what has not the chapters, articles
    and (where it marks them) clauses of the Chinese. Not checked: whether it says the same.
    """
    source = read_extracted(data)
    headings = _find_headings(source)
    ensure_order(source, headings)
    english = _build(source, headings)
    _ensure_same_numbers(source, headings, english, of)
    return english


def canonical_english(english: EnglishText) -> str:
    """The one way to write a translation down: parsed again, it gives an equal one."""
    parts = [f"{english.title}\n", english.preamble]
    for chapter in english.chapters:
        parts.append(f"Chapter {chapter.number} {chapter.title}")
        parts += [f"Article {article.number}. {article.text}" for article in chapter.articles]
    return "\n\n".join(parts) + "\n"


def _find_headings(source: ExtractedText) -> list[Heading]:
    marks = list(_MARK.finditer(source.text))
    ends = [mark.start() for mark in marks[1:]] + [len(source.text)]
    headings: list[Heading] = []
    for mark, end in zip(marks, ends[: len(marks)], strict=True):
        above = headings[-1] if headings else None
        ended = (above is not None and stands_below(mark, above)) or _sentence_ended(source, mark)
        if mark["article"]:
            if ended and _opens_article(source, mark):
                headings.append(Heading(bool(mark["article"]), int(mark["number"]), *mark.span()))
        elif (ended or above is None) and _is_title(source.text[mark.end() : end]):
            headings.append(
                Heading(bool(mark["article"]), _chapter_number(mark["named"] or mark["bare"]), *mark.span())
            )
    return headings


def _opens_article(source: ExtractedText, mark: re.Match[str]) -> bool:
    """A sentence that begins with a mention goes on in lower case: Article 6 applies."""
    return bool(mark["stop"]) or not source.text[mark.end() + 1 : mark.end() + 2].islower()


def _sentence_ended(source: ExtractedText, mark: re.Match[str]) -> bool:
    return _SENTENCE_END.search(source.text[max(0, mark.start() - 8) : mark.start()].rstrip()) is not None


def _is_title(text: str) -> bool:
    return len(text) <= _TITLE_LENGTH and _SENTENCE_MARKS.search(text) is None


def _chapter_number(numeral: str) -> int:
    if numeral.isdigit():
        return int(numeral)
    values = [_ROMAN[letter] for letter in numeral]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))


def _build(source: ExtractedText, headings: list[Heading]) -> EnglishText:
    first = headings[0].start if headings else len(source.text)
    title, preamble = split_head(source, first, _SENTENCE_MARKS, between_scripts=" ")
    ends = [heading.start for heading in headings[1:]] + [len(source.text)]
    chapters: list[EnglishChapter] = []
    articles: list[EnglishArticle] = []
    for heading, end in zip(headings, ends[: len(headings)], strict=True):
        body = source.joined(heading.end, end, between_scripts=" ")
        if not body:
            noun = "article" if heading.is_article else "chapter"
            raise source.error(heading.start, f"{noun} {heading.number} has no text")
        if heading.is_article:
            articles.append(EnglishArticle(heading.number, body, _clauses(source, heading, body)))
            chapters[-1] = EnglishChapter(chapters[-1].number, chapters[-1].title, tuple(articles))
        else:
            articles = []
            chapters.append(EnglishChapter(heading.number, body, ()))
    return EnglishText(title, preamble, tuple(chapters))


def _clauses(source: ExtractedText, heading: Heading, text: str) -> tuple[Clause, ...]:
    try:
        return split_clauses(text)
    except ValueError as error:
        raise source.error(heading.start, f"article {heading.number}: {error}") from None


def _ensure_same_numbers(
    source: ExtractedText, headings: list[Heading], english: EnglishText, of: AgreementText
) -> None:
    for noun, ours, theirs in (
        ("chapters", len(english.chapters), len(of.chapters)),
        ("articles", len(english.articles), len(of.articles)),
    ):
        if ours != theirs:
            reason = f"the translation has {ours} {noun}, the agreement has {theirs}"
            raise source.error(len(source.text) - 1, reason)
    starts = {(heading.is_article, heading.number): heading.start for heading in headings}
    for translated, chapter in zip(english.chapters, of.chapters, strict=True):
        if len(translated.articles) != len(chapter.articles):
            reason = f"chapter {chapter.number} does not hold the articles it holds in the agreement"
            raise source.error(starts[False, chapter.number], reason)
    for article, original in zip(english.articles, of.articles, strict=True):
        if article.clauses and len(article.clauses) != len(original.clauses):
            reason = f"article {article.number} does not have the clauses it has in the agreement"
            raise source.error(starts[True, article.number], reason)
