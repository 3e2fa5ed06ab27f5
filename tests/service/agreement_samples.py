"""Made-up agreements: generated ones as records, and the same ones as a PDF extractor would leave them."""

from itertools import pairwise
from random import Random

from hypothesis import strategies as st

from service.agreement_text import CLAUSE_LABELS, AgreementText, Article, Chapter, Clause, Party
from service.chinese_numerals import chinese_numeral

HAN = "应当及时办理登记数据系统安全使用管理指令提供服务更新证书，、："
LATIN = ("PROP", "Remote Operating Platform", "T+1 netting", "API")
GAPS = ("\n", "\n\n", " \n\n", "\r\n")


def _is_cut_free(left: str, right: str) -> bool:
    """A line may be cut here and joined again without a doubt: both sides Chinese, or one of them and no blank."""
    return all(char != " " for char in (left, right)) and not (left < "⺀" and right < "⺀")


@st.composite
def sentences(draw: st.DrawFn) -> str:
    words = st.one_of(
        st.text(HAN, min_size=1, max_size=12),
        st.sampled_from(("甲方", "乙方", "双方")),
        st.sampled_from(LATIN).map(lambda word: f"{word} 的"),
        st.integers(1, 40).map(lambda number: f"按照第{chinese_numeral(number)}条的规定"),
    )
    opening = draw(st.sampled_from(("", "", "第三条所述", "第二条规定")))
    return opening + "办" + "".join(draw(st.lists(words, min_size=1, max_size=5))) + "。"


@st.composite
def articles(draw: st.DrawFn, number: int) -> Article:
    text = "其" + "".join(draw(st.lists(sentences(), min_size=1, max_size=3)))
    clauses = tuple(
        Clause(CLAUSE_LABELS[place], f"{draw(st.text(HAN, min_size=1, max_size=8))}；")
        for place in range(draw(st.sampled_from((0, 0, 2, 5))))
    )
    if clauses:
        clauses = (*clauses[:-1], Clause(clauses[-1].label, f"{clauses[-1].text[:-1]}。"))
    text += "".join(clause.label + clause.text for clause in clauses)
    both = "双方" in text
    parties = tuple(party for party, name in zip(Party, ("甲方", "乙方"), strict=True) if both or name in text)
    return Article(number, f"第{chinese_numeral(number)}条", text, clauses, parties)


@st.composite
def agreements(draw: st.DrawFn) -> AgreementText:
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4).filter(lambda sizes: sum(sizes) >= 4))
    chapters, number = [], 1
    for place, size in enumerate(sizes, start=1):
        held = tuple(draw(articles(number + index)) for index in range(size))
        chapters.append(Chapter(place, draw(st.text("总则开通使用和管理关闭责任", min_size=2, max_size=12)), held))
        number += size
    return AgreementText(
        "PROP 示范协议", "示范用户（甲方）与示范仓库（乙方）约定如下。", "示范用户", "示范仓库", tuple(chapters)
    )


def as_extracted(agreement: AgreementText, random: Random, *, cuts: float = 0.2) -> bytes:
    """The agreement with lines cut anywhere, in headings too, and two pages ending where they like."""
    gap = random.choice(GAPS)
    pages = [gap + "\f", gap * 3]
    lines = [agreement.preamble]
    for chapter in agreement.chapters:
        lines.append(f"{chinese_numeral(chapter.number)}、{chapter.title}")
        lines += [f"{article.heading} {article.text}" for article in chapter.articles]
    title = _cut(agreement.title, random, gap, [], cuts)
    return (title + gap * 3 + gap.join(_cut(line, random, gap, pages, cuts) for line in lines) + gap).encode()


def _cut(line: str, random: Random, gap: str, pages: list[str], cuts: float) -> str:
    pieces = [line[0]]
    for left, right in pairwise(line):
        if _is_cut_free(left, right) and random.random() < cuts:
            pieces.append(pages.pop() if pages and random.random() < 0.05 else gap)
        pieces.append(right)
    return "".join(pieces)
