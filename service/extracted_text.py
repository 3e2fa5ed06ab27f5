"""Text as a PDF extractor leaves it: lines cut anywhere, blank lines everywhere, page breaks inside a sentence.

White space is all that is ever dropped or added here. What is neither text nor white space is refused.
"""

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass

from service.errors import BadInput

MAX_BYTES = 2_000_000

_WHITE_SPACE = frozenset("\t\n\v\f\r")
_PAGE_NUMBER = re.compile(r"[-–—]?\s?(?:\d{1,4}(?:\s?/\s?\d{1,4})?|第\s?\d+\s?页.{0,12}|[Pp]age\s\d+.{0,12})\s?[-–—]?")
_LINE_BREAK = re.compile(r"[\v\u2028\u2029]")
_LATIN_TAIL = re.compile(r"[A-Za-z]+\Z")
_LATIN_HEAD = re.compile(r"[A-Za-z]+")
_WORD = 40  # code points of a Latin word that are looked at: what keeps joining linear
_NO_SPACE_AFTER = frozenset("([{/-‐—“‘")
_NO_SPACE_BEFORE = frozenset(")]},.;:!?%/—”’")


class AgreementTextError(BadInput):
    """The text cannot be read as an agreement: the 1-based line of the file, and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}", line=line, reason=reason)
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ExtractedText:
    """The text with every run of white space as one mark, and the way back to the lines of the file.

    The marks: a blank within a line, a line feed between lines, a form feed where the gap between two lines is wider
    than the file's usual one (between pages, below the title).
    """

    text: str
    words: frozenset[str]
    offsets: tuple[int, ...]
    lines: tuple[int, ...]

    def line_of(self, offset: int) -> int:
        """The 1-based line of the file on which the character at this offset of `text` stands."""
        return self.lines[bisect_right(self.offsets, offset) - 1]

    def starts_line(self, offset: int) -> bool:
        return offset == 0 or self.text[offset - 1] in "\n\f"

    def error(self, offset: int, reason: str) -> AgreementTextError:
        return AgreementTextError(self.line_of(offset), reason)

    def joined(self, start: int, end: int, *, between_scripts: str = "") -> str:
        """One line of text from `start` to `end`: Chinese joins to Chinese, Latin words keep their spaces.

        Where a line was cut between a Chinese and a Latin character nobody can know whether a space stood there;
        `between_scripts` decides. A Latin word cut in two is mended when the whole word stands elsewhere in the text.
        """
        parts = re.split(r"(\s)", self.text[start:end].strip())
        pieces = [parts[0]]
        for gap, right in zip(parts[1::2], parts[2::2], strict=True):
            pieces += (self._separator(pieces[-1], gap, right, between_scripts), right)
        return "".join(pieces)

    def _separator(self, left: str, gap: str, right: str, between_scripts: str) -> str:
        chinese_left, chinese_right = _is_chinese(left[-1]), _is_chinese(right[0])
        if chinese_left and chinese_right:
            return ""
        if gap == " ":
            return " "
        if chinese_left or chinese_right:
            return between_scripts
        if left[-1] in _NO_SPACE_AFTER or right[0] in _NO_SPACE_BEFORE or (left[-1].isdigit() and right[0].isdigit()):
            return ""
        tail, head = _LATIN_TAIL.search(left[-_WORD:]), _LATIN_HEAD.match(right[:_WORD])
        return "" if tail and head and tail.group() + head.group() in self.words else " "


def read_extracted(data: bytes) -> ExtractedText:
    """Decode and check a file's bytes, in linear time. Raises AgreementTextError.

    Refused: over MAX_BYTES, not UTF-8, nothing but white space, control or invisible characters, page numbers (they
    may not be dropped, and must not be read as text). A byte order mark is taken off. Not checked: any structure.
    """
    if len(data) > MAX_BYTES:
        raise AgreementTextError(1, f"the file has {len(data)} bytes; an agreement has {MAX_BYTES} at most")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AgreementTextError(line, "not UTF-8: save the text as UTF-8") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    _ensure_readable(text)
    if not text.strip():
        raise AgreementTextError(1, "the file is empty")
    extracted = _with_marks(text)
    _ensure_no_page_number(extracted)
    return extracted


def _ensure_readable(text: str) -> None:
    refused = {
        char: text.index(char)
        for char in set(text) - _WHITE_SPACE
        if char == "\N{REPLACEMENT CHARACTER}" or unicodedata.category(char).startswith("C")
    }
    if refused:
        char, at = min(refused.items(), key=lambda item: item[1])
        raise AgreementTextError(text.count("\n", 0, at) + 1, f"character U+{ord(char):04X} is not text")


def _with_marks(text: str) -> ExtractedText:
    """Replace every run of white space by its mark; each word of the text then stands on a known line."""
    line = 1 + text[: len(text) - len(text.lstrip())].count("\n")
    parts = re.split(r"(\s+)", text.strip())
    feeds = [gap.count("\n") for gap in parts[1::2]]
    common = Counter(count for count in feeds if count).most_common(1)
    usual_feeds = common[0][0] if common else 1
    pieces, offsets, lines, offset = [parts[0]], [0], [line], len(parts[0])
    for gap, feed, word in zip(parts[1::2], feeds, parts[2::2], strict=True):
        pieces += (_mark(gap, feed, usual_feeds), word)
        line += feed
        offsets.append(offset + 1)
        lines.append(line)
        offset += 1 + len(word)
    marked = "".join(pieces)
    return ExtractedText(marked, frozenset(re.findall(r"[A-Za-z]{2,}", marked)), tuple(offsets), tuple(lines))


def _mark(gap: str, feeds: int, usual: int) -> str:
    if feeds > usual or "\f" in gap:
        return "\f"
    return "\n" if feeds or _LINE_BREAK.search(gap) else " "


def _ensure_no_page_number(extracted: ExtractedText) -> None:
    text = extracted.text
    for line in re.finditer(r"[^\n\f]+", text):
        at_edge = line.start() == 0 or line.end() == len(text) or "\f" in (text[line.start() - 1], text[line.end()])
        if at_edge and _PAGE_NUMBER.fullmatch(line.group()):
            reason = f"{line.group()!r} beside a page break looks like a page number: take it out of the file"
            raise extracted.error(line.start(), reason)


def _is_chinese(char: str) -> bool:
    """Han, kana, full-width forms, Chinese punctuation, circled numbers. Curly quotes belong to both scripts: False."""
    return char >= "\N{CJK RADICAL REPEAT}" or "①" <= char <= "⓿"
