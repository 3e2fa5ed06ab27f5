"""What to do about each code with which a request can be refused: one sentence a code, in English and in Chinese.

The rule's own sentence says what is wrong; the advice says what would have made it right. The tables are by noun, and
together hold every code of `service.refusals`, `service.errors`, `schema.errors` and of the token endpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sandbox.inspector.advice import agreements, certificates, operators, participants, requests
from service.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Advice:
    english: str
    chinese: str


UNKNOWN = Advice(
    "Compare the request with the schema and with its answer; if both look right, report the request id.",
    "请将请求与接口定义及应答对照检查；如均无误，请附请求编号反馈。",
)
_TABLES = (agreements.TEXTS, certificates.TEXTS, operators.TEXTS, participants.TEXTS, requests.TEXTS)
ADVICE: Mapping[str, Advice] = MappingProxyType(
    {code: Advice(*texts) for table in _TABLES for code, texts in table.items()}
)


ENDED: Mapping[int, Advice] = MappingProxyType({article: Advice(*texts) for article, texts in requests.ENDED.items()})


def advice_on(code: str, article: int | None = None) -> Advice:
    """That of the article, where a code has several; UNKNOWN for a code that this version does not know."""
    if code == ErrorCode.UNAUTHENTICATED and article is not None and article in ENDED:
        return ENDED[article]
    return ADVICE.get(code, UNKNOWN)
