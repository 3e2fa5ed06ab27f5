"""Reports of conformance (art. 17): what an institution's software was seen to do in the sandbox, signed by it.

The sandbox writes them; production reads them, by keys of the sandbox that were pinned beforehand, and without asking
it. A report is canonical JSON (RFC 8785) in a compact JWS of a type of its own. Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from joserfc.jwk import KeySet

from service.evidence import canonical, receipts
from service.evidence.errors import Malformed, NotVerified
from service.evidence.records import Marks
from service.keys import REPORT_TYPE
from service.world import Environment

VERSION = 1
VALID_FOR = timedelta(days=90)
FIELDS = (
    "begunAt",
    "binding",
    "cases",
    "endedAt",
    "environment",
    "institution",
    "keys",
    "notice",
    "run",
    "suite",
    "validUntil",
    "verdict",
    "version",
)
CASE_FIELDS = ("advice", "article", "attempts", "id", "title", "verdict")
INSTITUTION_FIELDS = ("legalName", "participant", "participantCode", "uscc")
_KEY = re.compile(r"[0-9a-f]{64}")


class ReportVerdict(StrEnum):
    PASS = "PASS"  # noqa: S105 - a verdict
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Sentence:
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case; `advice` says what to do better where it failed."""

    id: str
    article: int
    title: Sentence
    verdict: ReportVerdict
    attempts: int
    advice: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceReport:
    """One report. Times are real ones, of the sandbox. `suite` is the digest of the cases that were run.

    `keys` are SHA-256 of the SubjectPublicKeyInfo of every key that the institution ever used in the sandbox.
    """

    run: str
    suite: str
    participant: str
    participant_code: str
    uscc: str
    legal_name: str
    verdict: ReportVerdict
    begun_at: datetime
    ended_at: datetime
    cases: tuple[CaseResult, ...]
    keys: tuple[str, ...]

    @property
    def valid_until(self) -> datetime:
        return self.ended_at + VALID_FOR


def compose(report: ConformanceReport, marks: Marks) -> bytes:
    """The canonical bytes that are signed. Raises Malformed for a report that is too long."""
    return canonical.encode(
        {
            "version": VERSION,
            "environment": marks.environment,
            "binding": marks.binding,
            "notice": marks.notice,
            "run": report.run,
            "suite": report.suite,
            "institution": {
                "participant": report.participant,
                "participantCode": report.participant_code,
                "uscc": report.uscc,
                "legalName": report.legal_name,
            },
            "verdict": report.verdict.value,
            "begunAt": _written(report.begun_at),
            "endedAt": _written(report.ended_at),
            "validUntil": _written(report.valid_until),
            "cases": [_case_written(each) for each in report.cases],
            "keys": sorted(report.keys),
        }
    )


def parse(data: bytes, environment: Environment) -> ConformanceReport:
    """Read a report's bytes strictly. Raises Malformed; NotVerified for one that is of another world, or that binds."""
    value = canonical.decode(data, FIELDS)
    if value["version"] != VERSION or isinstance(value["version"], bool):
        raise Malformed("The report is of a version that this program does not know.")
    if value["environment"] != environment.value or value["binding"] is not False:
        raise NotVerified(f"The report does not carry the marks of {environment.value}.")
    try:
        marks = Marks(environment.value, binding=False, notice=_text_or_none(value["notice"]))
        report = _read(value)
        composed = compose(report, marks)
    except (KeyError, TypeError, ValueError, OverflowError) as error:  # the last: ninety days after the last year
        raise Malformed("A field of the report is not what it should be.") from error
    if composed != data:
        raise Malformed("The report does not agree with itself.")
    return report


def verify_report(text: str, keys: KeySet, environment: Environment) -> ConformanceReport:
    """The report in a JWS that a key of the set signed. Raises Malformed, NotVerified.

    Not checked: the verdict, its age, whose it is.
    """
    return parse(receipts.verify(text.strip(), keys, REPORT_TYPE), environment)


def _case_written(case: CaseResult) -> dict[str, object]:
    return {
        "id": case.id,
        "article": case.article,
        "title": {"en": case.title.en, "zh": case.title.zh},
        "verdict": case.verdict.value,
        "attempts": case.attempts,
        "advice": [{"en": each.en, "zh": each.zh} for each in case.advice],
    }


def _read(value: Mapping[str, Any]) -> ConformanceReport:
    whose = _exact(value["institution"], INSTITUTION_FIELDS)
    keys = tuple(_text(each) for each in value["keys"])
    if not all(_KEY.fullmatch(each) for each in keys) or len(set(keys)) != len(keys):
        raise ValueError("keys")
    return ConformanceReport(
        run=_text(value["run"]),
        suite=_text(value["suite"]),
        participant=_text(whose["participant"]),
        participant_code=_text(whose["participantCode"]),
        uscc=_text(whose["uscc"]),
        legal_name=_text(whose["legalName"]),
        verdict=ReportVerdict(value["verdict"]),
        begun_at=_moment(value["begunAt"]),
        ended_at=_moment(value["endedAt"]),
        cases=tuple(_case_read(each) for each in value["cases"]),
        keys=keys,
    )


def _case_read(value: object) -> CaseResult:
    case = _exact(value, CASE_FIELDS)
    article, attempts = case["article"], case["attempts"]
    if type(article) is not int or type(attempts) is not int:
        raise TypeError("article, attempts")
    advice = tuple(_sentence(each) for each in case["advice"])
    verdict = ReportVerdict(case["verdict"])
    return CaseResult(_text(case["id"]), article, _sentence(case["title"]), verdict, attempts, advice)


def _sentence(value: object) -> Sentence:
    both = _exact(value, ("en", "zh"))
    return Sentence(_text(both["en"]), _text(both["zh"]))


def _exact(value: object, fields: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict) or set(value) != set(fields):
        raise TypeError(fields)
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text")
    return value


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(value: object) -> datetime:
    return datetime.strptime(_text(value), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
