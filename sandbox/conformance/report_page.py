"""A report as a page to read and to print, in both languages side by side. It loads nothing, from here or elsewhere."""

from html import escape

from service.conformance_reports import CaseResult, ConformanceReport, ReportVerdict
from service.world import World

STYLE = """
:root { font: 15px/1.5 system-ui, "Noto Sans CJK SC", "Noto Sans SC", sans-serif; color: #1b2430; }
body { max-width: 900px; margin: 0 auto; padding: 16px; }
h1 { font-size: 22px; } h2 { font-size: 17px; margin: 24px 0 8px; }
.notice { border: 2px solid #8a3b00; color: #8a3b00; padding: 8px 12px; }
.verdict { font-size: 20px; font-weight: 700; } .PASS { color: #14663a; } .FAIL { color: #a3122c; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; } dt { color: #4c5a6b; }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; color: #4c5a6b; }
th, td { text-align: left; vertical-align: top; padding: 6px 8px; border-bottom: 1px solid #d3dae3; }
.advice { margin: 4px 0; } code { font-size: 12px; overflow-wrap: anywhere; }
@media print { body { padding: 0; } tr, li { break-inside: avoid; } }
""".strip()
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
TITLE = ("一致性测试报告", "Conformance report")


def facts_of(report: ConformanceReport) -> list[tuple[str, str]]:
    """What a report says at its head, for every form of it to show."""
    return [
        ("机构 Institution", f"{report.legal_name} · {report.participant_code} · {report.uscc}"),
        ("测试运行 Run", report.run),
        ("开始 Begun", f"{report.begun_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("结束 Ended", f"{report.ended_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("有效期至 Valid until", f"{report.valid_until:%Y-%m-%d %H:%M:%S} UTC"),
        ("套件摘要 Suite (SHA-256)", report.suite),
        ("已用密钥 Keys used in the sandbox", str(len(report.keys))),
    ]


def render_page(report: ConformanceReport, world: World) -> str:
    rows = "\n".join(_row(each) for each in report.cases)
    facts = "".join(f"<dt>{escape(term)}</dt><dd>{escape(said)}</dd>" for term, said in facts_of(report))
    keys = "".join(f"<li><code>{each}</code></li>" for each in report.keys)
    notice = f'<p class="notice">{escape(world.notice)}</p>' if world.notice else ""
    return f"""<!doctype html>
<html lang="zh">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{TITLE[0]} {TITLE[1]} – {escape(report.participant_code)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{TITLE[0]} <span lang="en">{TITLE[1]}</span></h1>
{notice}
<p class="verdict {report.verdict.value}">{_verdict(report.verdict)}</p>
<dl>{facts}</dl>
<h2>用例 Cases</h2>
<table>
<caption>依据服务器所见评定 Graded from what the server saw</caption>
<thead><tr><th scope="col">用例 Case</th><th scope="col">协议条款 Article</th><th scope="col">结果 Verdict</th>
<th scope="col">次数 Attempts</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<h2>密钥 Keys</h2>
<p>以下密钥（SubjectPublicKeyInfo 的 SHA-256）曾在测试环境使用，生产环境不予受理。
<span lang="en">These keys were used in the sandbox: production does not certify them.</span></p>
<ul>{keys}</ul>
</main>
</body>
</html>
"""


def _row(case: CaseResult) -> str:
    advice = "".join(
        f'<p class="advice">{escape(each.zh)} <span lang="en">{escape(each.en)}</span></p>' for each in case.advice
    )
    return (
        f"<tr><td><strong>{escape(case.title.zh)}</strong><br>"
        f'<span lang="en">{escape(case.title.en)}</span>{advice}</td>'
        f'<td>{case.article}</td><td class="{case.verdict.value}">{_verdict(case.verdict)}</td>'
        f"<td>{case.attempts}</td></tr>"
    )


def _verdict(verdict: ReportVerdict) -> str:
    return "通过 PASS" if verdict is ReportVerdict.PASS else "未通过 FAIL"
