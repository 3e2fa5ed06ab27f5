"""Checks of reports of conformance (art. 17): what production asks of one, and what it keeps of one that it took.

Rules here are pure. That the report is the sandbox's is `service.conformance_reports`' to verify.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from joserfc.jwk import KeySet

from service.conformance_reports import ConformanceReport, ReportVerdict
from service.evidence import receipts
from service.refusals import Findings, RefusalCode, refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceCheck:
    """A report that was taken: whose, of what run, good until when. `report_hash` is SHA-256 of its signed text."""

    id: str
    version: int
    participant_code: str
    uscc: str
    legal_name: str
    run: str
    suite: str
    report_hash: str
    ended_at: datetime
    valid_until: datetime
    keys: tuple[str, ...]
    checked_at: datetime
    checked_by: str


def ensure_passing(
    report: ConformanceReport, now: datetime, *, whose: str | None = None, offered: Collection[str] = ()
) -> None:
    """Raises Refused with all that is wrong with a report.

    `whose` is a participant code or a credit code, `offered` are SHA-256 of the SubjectPublicKeyInfo of keys that are
    to be certified. Not checked: that the institution is who the sandbox was told, which asks nobody for papers.
    """
    findings = Findings()
    failed = ", ".join(each.id for each in report.cases if each.verdict is not ReportVerdict.PASS)
    if report.verdict is not ReportVerdict.PASS or failed or not report.cases:
        findings.add(RefusalCode.CONFORMANCE_FAILED, "report", cases=failed or "-")
    if not report.ended_at <= now < report.valid_until:
        findings.add(RefusalCode.CONFORMANCE_EXPIRED, "report", until=report.valid_until.isoformat())
    if whose is not None and whose not in {report.participant_code, report.uscc}:
        findings.add(RefusalCode.CONFORMANCE_OF_ANOTHER, "report", found=report.participant_code, wanted=whose)
    for key in sorted(set(offered) & set(report.keys)):
        findings.add(RefusalCode.CONFORMANCE_KEY_SEEN, "key", key=key)
    findings.raise_any()


def ensure_standing(check: ConformanceCheck | None, now: datetime) -> ConformanceCheck:
    """The check that an opening stands on. Raises Refused where there is none, or none that is still good."""
    if check is None:
        raise refuse(RefusalCode.CONFORMANCE_MISSING)
    if not check.ended_at <= now < check.valid_until:
        raise refuse(RefusalCode.CONFORMANCE_EXPIRED, until=check.valid_until.isoformat())
    return check


def read_pinned_keys(file: Path) -> KeySet:
    """The sandbox's public keys, as its /log/jwks.json has them. Raises Malformed; a private key in it is refused."""
    return receipts.parse_keys(file.read_bytes())
