import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.agreement_english import canonical_english, parse_english
from service.agreement_text import AgreementTextError, parse_agreement

CHINESE = parse_agreement(
    """示范协议


示范用户（甲方）和示范仓库（乙方）约定如下。

一、总则

第一条 甲方登记：①姓名；②号码。

第二条 乙方受理。

二、其他

第三条 双方保密。
""".encode()
)

ENGLISH = """Sample

Agreement



Between a user (Party A) and a store
(Party B).

Chapter I General

Article 1 Party A registers:

① its name; ② its number, by a self-

service terminal.

Article 2. The store accepts, under

Article 3 and the law. Mind the rest.

Article 1 applies to the “PROP”
platform too.

II. Other
matters

Article 3 Both keep secrets.
"""


def test_a_translation_is_read_by_the_numbers_of_the_agreement():
    english = parse_english(ENGLISH.encode(), CHINESE)
    assert english.title == "Sample Agreement"
    assert english.preamble == "Between a user (Party A) and a store (Party B)."
    assert [(chapter.number, chapter.title) for chapter in english.chapters] == [(1, "General"), (2, "Other matters")]
    assert [article.text for article in english.articles] == [
        "Party A registers: ① its name; ② its number, by a self-service terminal.",
        "The store accepts, under Article 3 and the law. Mind the rest. Article 1 applies to the “PROP” platform too.",
        "Both keep secrets.",
    ]
    assert [clause.text for clause in english.articles[0].clauses] == [
        "its name;",
        "its number, by a self-service terminal.",
    ]


@pytest.mark.parametrize("style", ["Chapter 1 General", "CHAPTER I. General", "1. General", "I. General"])
def test_chapters_may_be_headed_in_several_ways(style: str):
    assert parse_english(ENGLISH.replace("Chapter I General", style).encode(), CHINESE).chapters[0].title == "General"


def test_a_translation_written_down_reads_back():
    english = parse_english(ENGLISH.encode(), CHINESE)
    assert parse_english(canonical_english(english).encode(), CHINESE) == english


@given(st.integers(0, 2**32), st.sampled_from(["\n", "\n\n", " \n\n"]))
def test_wherever_a_blank_becomes_a_line_break_the_translation_is_the_same(seed: int, gap: str):
    english = parse_english(ENGLISH.encode(), CHINESE)
    head, *lines = canonical_english(english).split("\n\n")
    broken = [
        "".join(gap if char == " " and seed >> (place % 32) & 1 else char for place, char in enumerate(line))
        for line in lines
    ]
    assert parse_english((head + gap * 3 + gap.join(broken)).encode(), CHINESE) == english


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("Article 3 Both keep secrets.\n", "", 25, "chapter 2 has no article"),
        ("II. Other\nmatters\n", "", 26, "the translation has 1 chapters, the agreement has 2"),
        ("Both keep secrets.\n", "Both.\n\nArticle 4 Nobody pays.\n", 30, "has 4 articles, the agreement has 3"),
        ("Article 2. The", "Article 4. The", 18, "article 4 follows article 1; article 2 should stand here"),
        ("Chapter I ", "Chapter II ", 10, "the first chapter is number 2"),
        ("② its number", "its number", 12, "article 1 does not have the clauses it has in the agreement"),
        ("② its", "③ its", 12, "clause ③ stands where number 2 should"),
        ("Both keep secrets.", "", 28, "article 3 has no text"),
        ("Chapter I General\n", "", 11, "article 1 stands before any chapter"),
    ],
)
def test_a_translation_that_does_not_match_is_refused(old: str, new: str, line: int, reason: str):
    assert old in ENGLISH
    with pytest.raises(AgreementTextError) as caught:
        parse_english(ENGLISH.replace(old, new).encode(), CHINESE)
    assert reason in caught.value.reason
    assert caught.value.line == line


def test_an_article_in_the_wrong_chapter_is_refused():
    other = ENGLISH.replace("II. Other\nmatters\n\n", "").replace("Article 2. The", "II. Other\n\nArticle 2. The")
    with pytest.raises(AgreementTextError, match="chapter 1 does not hold the articles"):
        parse_english(other.encode(), CHINESE)


@given(st.text("Article Chapter123.\n\fIVX aB,", max_size=200).map(str.encode) | st.binary(max_size=200))
def test_whatever_the_bytes_only_the_parsers_own_error_leaves(data: bytes):
    with pytest.raises(AgreementTextError):
        parse_english(data, CHINESE)
