"""The agreement's text: from what a PDF extractor leaves to chapters, articles and clauses. Pure; linear in time."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from service.agreement_headings import SENTENCE_MARKS, Heading, ensure_order, find_headings, split_head
from service.chinese_numerals import chinese_numeral
from service.extracted_text import AgreementTextError, ExtractedText, read_extracted

__all__ = [
    "AgreementText",
    "AgreementTextError",
    "Article",
    "Chapter",
    "Clause",
    "Party",
    "canonical_text",
    "content_hash",
    "parse_agreement",
    "split_clauses",
]

CLAUSE_LABELS = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"

_CLAUSE_LABEL = re.compile(f"[{CLAUSE_LABELS}]")
_CLAUSE_PLACE = re.compile(r"(?:^|[：；。:;])\s?\Z")
_CONJUNCTION = re.compile(r"\A\s?(?:以及|[和与同及跟])")


class Party(StrEnum):
    A = "A"  # 甲方, the institution that uses the platform
    B = "B"  # 乙方, the depository


@dataclass(frozen=True, slots=True)
class Clause:
    """One of the ①, ② ... of an article. The label and the text, joined, stand in the article's text."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    """`heading` is as written (第二十九条); `text` is all that follows it, clauses included, on one line."""

    number: int
    heading: str
    text: str
    clauses: tuple[Clause, ...]
    parties: tuple[Party, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    number: int
    title: str
    articles: tuple[Article, ...]


@dataclass(frozen=True, slots=True)
class AgreementText:
    title: str
    preamble: str
    party_a: str
    party_b: str
    chapters: tuple[Chapter, ...]

    @property
    def articles(self) -> tuple[Article, ...]:
        """All articles in order: number N is at index N - 1."""
        return tuple(article for chapter in self.chapters for article in chapter.articles)

    def find_article(self, number: int) -> Article | None:
        return next((article for article in self.articles if article.number == number), None)


def parse_agreement(data: bytes) -> AgreementText:
    """Read an agreement from the bytes of a text file. Raises AgreementTextError with the line and the reason.

    Refused: what `read_extracted` refuses; a gap, a repeat or a wrong order in the numbers; a chapter without article
    or title, an article without text or before any chapter; a preamble that does not name 甲方 and 乙方.
    Not checked: what the articles say.
    """
    source = read_extracted(data)
    headings = find_headings(source)
    ensure_order(source, headings)
    first = headings[0].start if headings else len(source.text)
    title, preamble = split_head(source, first, SENTENCE_MARKS)
    party_a, party_b = _find_parties(source, preamble)
    if not headings:
        raise source.error(first - 1, "there is no chapter and no article")
    chapters = tuple(_build_chapters(source, headings))
    return AgreementText(title, preamble, party_a, party_b, chapters)


def canonical_text(agreement: AgreementText) -> str:
    """The one way to write an agreement down: parsed again, it gives an equal agreement."""
    parts = [f"{agreement.title}\n", agreement.preamble]
    for chapter in agreement.chapters:
        parts.append(f"{chinese_numeral(chapter.number)}、{chapter.title}")
        parts += [f"{article.heading} {article.text}" for article in chapter.articles]
    return "\n\n".join(parts) + "\n"


def content_hash(agreement: AgreementText) -> str:
    """SHA-256 of the canonical text in UTF-8, lower-case hexadecimal."""
    return hashlib.sha256(canonical_text(agreement).encode()).hexdigest()


def _find_parties(source: ExtractedText, preamble: str) -> tuple[str, str]:
    names = tuple(_in_brackets(preamble, party) or _after_colon(preamble, party) for party in ("甲方", "乙方"))
    for party, name in zip(("甲方", "乙方"), names, strict=True):
        if not name:
            raise source.error(0, f"the preamble does not name {party}")
    return names[0], names[1]


def _in_brackets(preamble: str, party: str) -> str:
    """The name in 名称（甲方）: back to the punctuation before it, or to the other party's bracket."""
    found = re.search(rf"[（(][^（()）]{{0,8}}{party}[^（()）]{{0,2}}[）)]", preamble)
    if found is None:
        return ""
    before = preamble[: found.start()]
    other = list(re.finditer(r"[甲乙]方[^（()）]{0,2}[）)]", before))
    if other:
        before = _CONJUNCTION.sub("", before[other[-1].end() :], count=1)
    return re.split(r"[，。；：、,;:]", before)[-1].strip()


def _after_colon(preamble: str, party: str) -> str:
    """The name in 甲方：名称."""
    found = re.search(rf"{party}\s?[：:]\s?([^，。；,;]*?)\s?(?=[，。；,;]|[甲乙]方|\Z)", preamble)
    return found[1] if found else ""


def _build_chapters(source: ExtractedText, headings: list[Heading]) -> Iterator[Chapter]:
    ends = [heading.start for heading in headings[1:]] + [len(source.text)]
    title, number, articles = "", 0, list[Article]()
    for heading, end in zip(headings, ends, strict=True):
        if heading.is_article:
            articles.append(_build_article(source, heading, end))
            continue
        if articles:
            yield Chapter(number, title, tuple(articles))
        number, title, articles = heading.number, source.joined(heading.end, end), []
        if not title:
            raise source.error(heading.start, f"chapter {number} has no title")
    yield Chapter(number, title, tuple(articles))


def _build_article(source: ExtractedText, heading: Heading, end: int) -> Article:
    text = source.joined(heading.end, end)
    if not text:
        raise source.error(heading.start, f"article {heading.number} has no text")
    try:
        clauses = split_clauses(text)
    except ValueError as error:
        raise source.error(heading.start, f"article {heading.number}: {error}") from None
    written = "".join(source.text[heading.start : heading.end].split())
    return Article(heading.number, written, text, clauses, _parties_of(text))


def split_clauses(text: str) -> tuple[Clause, ...]:
    """The clauses ①, ② ... of an article's text. A label in 第①项 or ①项 is a mention. ValueError if one is missing."""
    starts: list[int] = []
    for label in _CLAUSE_LABEL.finditer(text):
        at, before = label.start(), text[max(0, label.start() - 2) : label.start()]
        if before.endswith("第") or text[at + 1 : at + 2] in ("项", "款"):
            continue
        if CLAUSE_LABELS.index(label.group()) == len(starts):
            starts.append(at)
        elif _CLAUSE_PLACE.search(before):
            raise ValueError(f"clause {label.group()} stands where number {len(starts) + 1} should")
    return tuple(Clause(text[at], text[at + 1 : end].strip()) for at, end in pairwise([*starts, len(text)]))


def _parties_of(text: str) -> tuple[Party, ...]:
    both = "双方" in text or "甲乙" in text
    return tuple(party for party, name in ((Party.A, "甲方"), (Party.B, "乙方")) if both or name in text)
