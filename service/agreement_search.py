"""Search over one agreement: a phrase first, then what shares its words; Chinese by pairs of characters. Pure.

Width, case and the blanks around Chinese do not count: `prop联网` finds `PROP 联网`.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from service.agreement_english import EnglishText
from service.agreement_text import AgreementText
from service.errors import BadInput

MAX_QUERY = 200  # code points
LEAST_SHARE = 0.5  # of the query's pairs and words that an article must hold to be found at all
SNIPPET_MARGIN = 20  # code points shown on either side of a match

_HAN = "\u2e80-\u2fff\u3040-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"(?P<han>[{_HAN}]+)|[^\W{_HAN}]+")


class Language(StrEnum):
    CHINESE = "CHINESE"
    ENGLISH = "ENGLISH"


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets into the article's text in Unicode code points; `end` is the first one after."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ArticleMatch:
    """`language` says which text of the article the spans and the snippet belong to; `score` is 1.0 for the phrase."""

    number: int
    language: Language
    is_phrase: bool
    score: float
    spans: tuple[Span, ...]
    snippet: str


@dataclass(frozen=True, slots=True)
class _Folded:
    """Text without width, case and idle blanks; `origins` leads each character back to its offset in the original."""

    text: str
    origins: tuple[int, ...]

    def span(self, start: int, end: int) -> Span:
        return Span(self.origins[start], self.origins[end - 1] + 1)


@dataclass(frozen=True, slots=True)
class _Document:
    number: int
    language: Language
    text: str
    folded: _Folded


class SearchIndex:
    """Built once per published agreement, and safe to share: searching changes nothing in it."""

    def __init__(self, documents: Iterable[_Document]) -> None:
        self._documents = tuple(documents)
        self._places: dict[str, dict[int, list[Span]]] = defaultdict(lambda: defaultdict(list))
        for place, document in enumerate(self._documents):
            for token, start, end in _tokens(document.folded.text):
                self._places[token][place].append(document.folded.span(start, end))

    @classmethod
    def of(cls, agreement: AgreementText, english: EnglishText | None = None) -> Self:
        chinese = [(Language.CHINESE, article.number, article.text) for article in agreement.articles]
        translated = [(Language.ENGLISH, each.number, each.text) for each in (english.articles if english else ())]
        return cls(_Document(number, language, text, _fold(text)) for language, number, text in chinese + translated)

    def search(self, text: str) -> list[ArticleMatch]:
        """At most one match per article, best first: the whole phrase, then by the share of the query that is found.

        Raises BadInput when the query is empty, has no letter, digit or character to look for, or is over MAX_QUERY.
        """
        if len(text) > MAX_QUERY:
            raise BadInput(
                f"The query has {len(text)} characters; {MAX_QUERY} at most.", limit=MAX_QUERY, found=len(text)
            )
        tokens = {token for token, _, _ in _tokens(_normal(text))}
        if not tokens:
            raise BadInput("The query is empty: give a word or a phrase to look for.")
        best: dict[int, ArticleMatch] = {}
        for match in sorted(self._phrases(_fold(text).text) + self._shares(tokens), key=_rank):
            best.setdefault(match.number, match)
        return list(best.values())

    def _phrases(self, phrase: str) -> list[ArticleMatch]:
        found = ((document, _occurrences(document.folded, phrase)) for document in self._documents)
        return [_match(document, spans, 1.0, is_phrase=True) for document, spans in found if spans]

    def _shares(self, tokens: set[str]) -> list[ArticleMatch]:
        held: dict[int, list[list[Span]]] = defaultdict(list)
        for token in sorted(tokens):
            for place, spans in self._places.get(token, {}).items():
                held[place].append(spans)
        return [
            _match(self._documents[place], _merged(found), len(found) / len(tokens), is_phrase=False)
            for place, found in held.items()
            if len(found) >= LEAST_SHARE * len(tokens)
        ]


def _rank(match: ArticleMatch) -> tuple[bool, float, bool, int, int]:
    covered = sum(span.end - span.start for span in match.spans)
    return not match.is_phrase, -match.score, match.language is Language.ENGLISH, -covered, match.number


def _match(document: _Document, spans: tuple[Span, ...], score: float, *, is_phrase: bool) -> ArticleMatch:
    snippet = _snippet(document.text, spans[0])
    return ArticleMatch(document.number, document.language, is_phrase, score, spans, snippet)


def _snippet(text: str, span: Span) -> str:
    start, end = max(0, span.start - SNIPPET_MARGIN), min(len(text), span.end + SNIPPET_MARGIN)
    return ("…" if start else "") + text[start:end].strip() + ("…" if end < len(text) else "")


def _normal(text: str) -> str:
    """Character by character, so that each can be led back to its origin."""
    return "".join(unicodedata.normalize("NFKC", char).casefold() for char in text)


def _fold(text: str) -> _Folded:
    chars = [(char, origin) for origin, original in enumerate(text) for char in _normal(original)]
    kept: list[tuple[str, int]] = []
    for place, (char, origin) in enumerate(chars):
        if not char.isspace():
            kept.append((char, origin))
        elif kept and _is_latin(kept[-1][0]) and place + 1 < len(chars) and _is_latin(chars[place + 1][0]):
            kept.append((" ", origin))
    return _Folded("".join(char for char, _ in kept), tuple(origin for _, origin in kept))


def _is_latin(char: str) -> bool:
    return char.isascii() and not char.isspace()


def _tokens(text: str) -> Iterable[tuple[str, int, int]]:
    """Words, and the pairs of neighbours in a run of Chinese (a lone character stands for itself)."""
    for run in _RUN.finditer(text):
        start, end = run.span()
        if run["han"] is None or end - start == 1:
            yield run.group(), start, end
            continue
        for at in range(start, end - 1):
            yield text[at : at + 2], at, at + 2


def _occurrences(folded: _Folded, phrase: str) -> tuple[Span, ...]:
    """Where the phrase stands; not from the middle of a Latin word, though it may end in one."""
    spans, at = [], folded.text.find(phrase)
    while at >= 0:
        if not (_is_word(phrase[0]) and at and _is_word(folded.text[at - 1])):
            spans.append(folded.span(at, at + len(phrase)))
        at = folded.text.find(phrase, at + len(phrase))
    return tuple(spans)


def _is_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _merged(groups: list[list[Span]]) -> tuple[Span, ...]:
    """Overlapping and touching spans as one."""
    merged: list[Span] = []
    for span in sorted((span for group in groups for span in group), key=lambda span: span.start):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)
