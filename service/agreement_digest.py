"""The project's own digest of the agreement, for a machine without the real text. It is not the contract."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from service.agreement_english import EnglishText, parse_english
from service.agreement_text import AgreementText, parse_agreement


@dataclass(frozen=True, slots=True)
class Digest:
    """Both languages, parsed, and the bytes they were read from: what `prop agreement import` would be given."""

    chinese: AgreementText
    english: EnglishText
    chinese_data: bytes
    english_data: bytes


@cache
def read_digest() -> Digest:
    """The digest that ships with the package: 29 articles in six chapters, numbered as the agreement is."""
    folder = files("service") / "digest"
    chinese_data = (folder / "agreement.zh.txt").read_bytes()
    english_data = (folder / "agreement.en.txt").read_bytes()
    chinese = parse_agreement(chinese_data)
    return Digest(chinese, parse_english(english_data, chinese), chinese_data, english_data)
