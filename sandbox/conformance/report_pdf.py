"""A report as a PDF. Its Chinese is set in a standard CID font, which readers of PDF bring: none is shipped."""

from io import BytesIO
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph, Spacer, Table, TableStyle

from sandbox.conformance.report_page import TITLE, facts_of
from service.conformance_reports import CaseResult, ConformanceReport, ReportVerdict, Sentence
from service.world import World

FONT = "STSong-Light"  # Adobe-GB1
MARGIN = 18 * mm
WIDTHS = (112 * mm, 16 * mm, 28 * mm, 18 * mm)
INK, GREEN, RED, QUIET, WARNING, LINE = map(
    colors.HexColor, ("#1b2430", "#14663a", "#a3122c", "#4c5a6b", "#8a3b00", "#d3dae3")
)

_PLAIN = ParagraphStyle("plain", fontName=FONT, fontSize=9, leading=13, wordWrap="CJK")
_LATIN = ParagraphStyle("latin", fontName="Helvetica", fontSize=8, leading=11)
_QUIET = ParagraphStyle("quiet", parent=_PLAIN, textColor=QUIET)
_HEAD = ParagraphStyle("head", parent=_PLAIN, fontSize=11, leading=16, spaceBefore=8, spaceAfter=4)
_TITLE = ParagraphStyle("title", parent=_PLAIN, fontSize=16, leading=22)
_NOTICE = ParagraphStyle(
    "notice", parent=_PLAIN, textColor=WARNING, borderColor=WARNING, borderWidth=1, borderPadding=4
)
_CODE = ParagraphStyle("code", fontName="Courier", fontSize=7, leading=9)


def render_pdf(report: ConformanceReport, world: World) -> bytes:
    """The same report gives the same bytes."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    out = BytesIO()
    document = BaseDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=f"{TITLE[1]} {report.participant_code}",
        author=world.name,
        invariant=1,
    )
    frame = Frame(MARGIN, MARGIN, A4[0] - 2 * MARGIN, A4[1] - 2 * MARGIN, leftPadding=0, rightPadding=0)

    def foot(canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.setFont(FONT, 7)
        canvas.drawString(MARGIN, 10 * mm, f"{world.environment.value} {world.notice or ''}")
        canvas.drawRightString(A4[0] - MARGIN, 10 * mm, f"{report.run} · {canvas.getPageNumber()}")

    document.addPageTemplates([PageTemplate("page", [frame], onPage=foot)])
    document.build(_story(report, world))
    return out.getvalue()


def _story(report: ConformanceReport, world: World) -> list[Flowable]:
    good = report.verdict is ReportVerdict.PASS
    verdict = ParagraphStyle("verdict", parent=_TITLE, textColor=GREEN if good else RED)
    return [
        Paragraph(f"{TITLE[0]} {TITLE[1]}", _TITLE),
        Spacer(1, 6),
        Paragraph(escape(world.notice or ""), _NOTICE),
        Spacer(1, 6),
        Paragraph("通过 PASS" if good else "未通过 FAIL", verdict),
        Table([[Paragraph(escape(each), _QUIET if not place else _PLAIN) for place, each in enumerate(pair)]
               for pair in facts_of(report)], colWidths=(48 * mm, 126 * mm), style=_lines(0)),
        Paragraph("用例 Cases", _HEAD),
        _cases(report.cases),
        Paragraph("密钥 Keys (SHA-256, SubjectPublicKeyInfo)", _HEAD),
        *(Paragraph(each, _CODE) for each in report.keys),
    ]  # fmt: skip


def _cases(cases: tuple[CaseResult, ...]) -> Table:
    head = [Paragraph(each, _QUIET) for each in ("用例 Case", "条 Art.", "结果 Verdict", "次数")]
    rows = [
        [
            [*_both(each.title), *(line for advice in each.advice for line in _both(advice, RED))],
            Paragraph(str(each.article), _PLAIN),
            Paragraph("通过 PASS" if each.verdict is ReportVerdict.PASS else "未通过 FAIL", _PLAIN),
            Paragraph(str(each.attempts), _PLAIN),
        ]
        for each in cases
    ]
    return Table([head, *rows], colWidths=WIDTHS, repeatRows=1, style=_lines(0.4))


def _both(sentence: Sentence, colour: colors.Color = INK) -> list[Paragraph]:
    return [
        Paragraph(escape(sentence.zh), ParagraphStyle("zh", parent=_PLAIN, textColor=colour)),
        Paragraph(escape(sentence.en), ParagraphStyle("en", parent=_LATIN, textColor=colour)),
    ]


def _lines(width: float) -> TableStyle:
    below = [("LINEBELOW", (0, 0), (-1, -1), width, LINE)] if width else []
    return TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0), *below])
