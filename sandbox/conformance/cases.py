"""The cases of the suite: data in `cases/*.yaml`, each of which names the article that it proves."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox.conformance.events import Source
from sandbox.conformance.expectations import AnyExpectation, Told

HERE = Path(__file__).with_name("cases")
COMMON_FACTS = frozenset({"participant", "administrator", "clerk"})


class Step(StrEnum):
    """What the suite does to the tenant as a case begins."""

    NOTHING = "nothing"
    COUNT_OPERATORS = "count operators"
    DELIVER_REVISION = "deliver a revision"
    LIMIT_RATE = "limit the rate"
    BE_UNAVAILABLE = "be unavailable"
    END_SESSIONS = "end sessions"
    SHORTEN_CERTIFICATE = "shorten the clerk's certificate"
    REVOKE_CERTIFICATE = "revoke the clerk's certificate"
    REGISTER_OPERATOR = "register an operator"
    REGISTER_LEAVER = "register a leaver"
    CHANGE_MEANWHILE = "change an operator meanwhile"
    LOSE_KEY = "lose a key"
    GIVE_RECEIPTS = "give receipts"


STEP_FACTS: dict[Step, frozenset[str]] = {
    Step.NOTHING: frozenset(),
    Step.COUNT_OPERATORS: frozenset({"cursors", "first"}),
    Step.DELIVER_REVISION: frozenset({"number", "contentHash"}),
    Step.LIMIT_RATE: frozenset({"retryAfter"}),
    Step.BE_UNAVAILABLE: frozenset({"operatorNumber"}),
    Step.END_SESSIONS: frozenset(),
    Step.SHORTEN_CERTIFICATE: frozenset({"certificate", "fingerprint", "pem", "notAfter"}),
    Step.REVOKE_CERTIFICATE: frozenset({"certificate", "fingerprint"}),
    Step.REGISTER_OPERATOR: frozenset({"operator", "operatorNumber"}),
    Step.REGISTER_LEAVER: frozenset({"operator", "operatorNumber"}),
    Step.CHANGE_MEANWHILE: frozenset({"operator", "version"}),
    Step.LOSE_KEY: frozenset({"operator", "certificate"}),
    Step.GIVE_RECEIPTS: frozenset({"genuine", "altered", "foreign"}),
}
"""The facts that each step adds to those of the run."""


class Case(BaseModel):
    """One case. `seconds` is how long a client has for it; then what is not met has failed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z-]*$", max_length=40)
    order: int = Field(ge=1)
    article: int = Field(ge=1, le=29)
    title: Told
    instructions: Told
    step: Step = Step.NOTHING
    seconds: int = Field(default=600, ge=10, le=3_600)
    expect: tuple[AnyExpectation, ...] = Field(min_length=1)

    @property
    def facts(self) -> frozenset[str]:
        return COMMON_FACTS | STEP_FACTS[self.step]

    @property
    def record_kinds(self) -> frozenset[str]:
        """The kinds of record that it looks at."""
        patterns = [each.pattern for each in self.expect]
        return frozenset(str(each["kind"]) for each in patterns if each["source"] == Source.RECORD.value)

    @model_validator(mode="after")
    def _names_what_there_is(self) -> "Case":
        seen: set[str] = set()
        for each in self.expect:
            if each.after is not None and each.after not in seen:
                raise ValueError(f"no expectation {each.after!r} comes before one that is to follow it")
            if each.name is not None:
                seen.add(each.name)
            if unknown := set(each.facts()) - self.facts:
                raise ValueError(f"the step {self.step.value!r} gives no fact {', '.join(sorted(unknown))}")
        return self


@cache
def all_cases() -> tuple[Case, ...]:
    """In the order in which they are best run. Raises ValueError for a case that is none."""
    files = sorted(HERE.glob("*.yaml"))
    found = [Case.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))) for file in files]
    for file, case in zip(files, found, strict=True):
        if file.stem != case.id:
            raise ValueError(f"{file.name} holds the case {case.id}")
    return tuple(sorted(found, key=lambda each: each.order))


def get_case(case_id: str, cases: Sequence[Case] | None = None) -> Case:
    """Raises LookupError."""
    for each in all_cases() if cases is None else cases:
        if each.id == case_id:
            return each
    raise LookupError(case_id)


def suite_digest(cases: Sequence[Case]) -> str:
    """SHA-256 of all that the cases say: a report names the very suite that was run."""
    return hashlib.sha256("\n".join(each.model_dump_json() for each in cases).encode()).hexdigest()
