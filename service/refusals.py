"""What rules say no with: one table of codes, the article each stands for, and the sentence in English and Chinese.

A rule raises `Refused`; the GraphQL face puts its refusals into the payload. A code, once published, keeps its meaning.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class RefusalCode(StrEnum):
    # agreement
    AGREEMENT_NOT_FOUND = "AGREEMENT_NOT_FOUND"
    AGREEMENT_PUBLISHED = "AGREEMENT_PUBLISHED"


@dataclass(frozen=True, slots=True)
class Rule:
    """The article a code stands for (None where only technique asks for it) and its sentences, with {named} places."""

    article: int | None
    en: str
    zh: str


RULES: Mapping[RefusalCode, Rule] = MappingProxyType(
    {
        RefusalCode.AGREEMENT_NOT_FOUND: Rule(
            25, "There is no agreement number {number}.", "不存在第 {number} 号协议。"
        ),
        RefusalCode.AGREEMENT_PUBLISHED: Rule(
            25,
            "Agreement {number} is published and cannot be changed: import the revision under a new number.",
            "第 {number} 号协议已发布，不得更改：请以新编号导入修订版本。",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One no: the code, the path of the input field it concerns, and what fills the sentence's named places."""

    code: RefusalCode
    field: tuple[str, ...] = ()
    values: Mapping[str, object] = dataclasses.field(default_factory=dict)

    @property
    def article(self) -> int | None:
        return RULES[self.code].article

    @property
    def message(self) -> str:
        return RULES[self.code].en.format_map(self.values)

    @property
    def message_zh(self) -> str:
        return RULES[self.code].zh.format_map(self.values)


class Refused(Exception):
    """A business rule said no. Carries every refusal found, in the order of the input's fields."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__("; ".join(refusal.message for refusal in refusals))
        self.refusals = refusals


def refuse(code: RefusalCode, *path: str, **values: object) -> Refused:
    """The exception for a single refusal: `raise refuse(CODE, "input", "uscc", found="...")`."""
    return Refused(Refusal(code, path, values))


def codes_of_article(number: int) -> tuple[RefusalCode, ...]:
    """The codes an article stands behind: the contract and the code point at each other."""
    return tuple(code for code, rule in RULES.items() if rule.article == number)
