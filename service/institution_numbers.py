"""The numbers that institutions and their people are known by: checked, and brought to one spelling.

Every parser is total: it answers the normal form or raises Refused with the article (6, 11) and the field it was
given. None says whether the number was ever assigned to anybody. Formats of the depository's own numbers follow the
fields of its public data interface; participant codes and operator numbers are this service's own choice.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable

import phonenumbers
from stdnum.cn import uscc as _uscc
from stdnum.iso7064 import mod_97_10

from service.refusals import RefusalCode, refuse

# GB 32100-2015: authority and kind, six digits of region, nine of organization, the check; no I, O, S, V, Z.
# The library's own validate() wants digits in the first two places, which the standard does not (N for agriculture).
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_LEI = re.compile(r"[0-9A-Z]{18}[0-9]{2}")  # ISO 17442
_CLEARING_NUMBER = re.compile(r"[0-9A-Z]{1,8}")
_TRADING_UNIT = re.compile(r"[0-9A-Z]{5}")
_SECURITIES_CODE = re.compile(r"[0-9]{6}")
_PARTICIPANT_CODE = re.compile(r"[A-Z][0-9A-Z]{2,7}")
_OPERATOR_NUMBER = re.compile(r"[0-9]{6}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[0-9A-Za-z-]{1,63}(?:\.[0-9A-Za-z-]{1,63}){1,8}")
_SHOWN = 40  # characters of a wrong number that are shown back
_LONGEST_WRITTEN = 64  # characters of a number as it is given, grouped as people do

LONGEST_NAME = 120


def _compact(text: str) -> str:
    """Full-width forms made plain, capitals, and none of the spaces and hyphens that people group digits with."""
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()


def _parse(pattern: re.Pattern[str], code: RefusalCode, text: str, path: tuple[str, ...]) -> str:
    # Length first, here and in parse_name: to normalize is quadratic in a run of combining marks.
    number = _compact(text) if len(text) <= _LONGEST_WRITTEN else ""
    if pattern.fullmatch(number) is None:
        raise refuse(code, *path, found=text[:_SHOWN])
    return number


def parse_uscc(text: str, *path: str) -> str:
    """A unified social credit code (统一社会信用代码, GB 32100-2015), its check digit included."""
    number = _parse(_USCC, RefusalCode.USCC_INVALID, text, path)
    if _uscc.calc_check_digit(number[:17]) != number[17]:
        raise refuse(RefusalCode.USCC_INVALID, *path, found=text[:_SHOWN])
    return number


def parse_lei(text: str, *path: str) -> str:
    """A legal entity identifier (ISO 17442), its check digits (ISO 7064 mod 97-10) included."""
    number = _parse(_LEI, RefusalCode.LEI_INVALID, text, path)
    if not mod_97_10.is_valid(number):
        raise refuse(RefusalCode.LEI_INVALID, *path, found=text[:_SHOWN])
    return number


def parse_clearing_number(text: str, *path: str) -> str:
    """A clearing number (清算编号): Character(8) in the data interface."""
    return _parse(_CLEARING_NUMBER, RefusalCode.CLEARING_NUMBER_INVALID, text, path)


def parse_trading_unit(text: str, *path: str) -> str:
    """A trading unit (交易单元): Character(5)."""
    return _parse(_TRADING_UNIT, RefusalCode.TRADING_UNIT_INVALID, text, path)


def parse_securities_code(text: str, *path: str) -> str:
    """A securities code (证券代码): Character(6)."""
    return _parse(_SECURITIES_CODE, RefusalCode.SECURITIES_CODE_INVALID, text, path)


def parse_participant_code(text: str, *path: str) -> str:
    """A participant code (用户代码): the institution's name on the platform."""
    return _parse(_PARTICIPANT_CODE, RefusalCode.PARTICIPANT_CODE_INVALID, text, path)


def parse_operator_number(text: str, *path: str) -> str:
    """An operator number (操作员编号): six digits, one's own within the participant, never used again."""
    return _parse(_OPERATOR_NUMBER, RefusalCode.OPERATOR_NUMBER_INVALID, text, path)


def parse_telephone(text: str, *path: str) -> str:
    """A telephone number in E.164 (`+8613800001234`); without a country code it is read as Chinese."""
    try:
        number = phonenumbers.parse(text, "CN")
    except phonenumbers.NumberParseException:
        raise refuse(RefusalCode.TELEPHONE_INVALID, *path) from None
    if not phonenumbers.is_valid_number(number) or number.extension:
        raise refuse(RefusalCode.TELEPHONE_INVALID, *path)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def parse_email(text: str, *path: str) -> str:
    """An e-mail address, in form only."""
    address = text.strip()
    if _EMAIL.fullmatch(address) is None:
        raise refuse(RefusalCode.EMAIL_INVALID, *path)
    return address


def parse_name(text: str, *path: str) -> str:
    """A name of a person or an institution: white space trimmed and single, no control or unassigned characters."""
    name = " ".join(unicodedata.normalize("NFC", text).split()) if len(text) <= LONGEST_NAME else ""
    if not 1 <= len(name) <= LONGEST_NAME or any(unicodedata.category(char)[0] == "C" for char in name):
        raise refuse(RefusalCode.NAME_INVALID, *path, longest=LONGEST_NAME)
    return name


def parse_each(parse: Callable[..., str], texts: Iterable[str], *path: str) -> tuple[str, ...]:
    """Every number of a list, in its order, none given twice. The field of a refusal ends in the place in the list."""
    numbers: list[str] = []
    for place, text in enumerate(texts):
        number = parse(text, *path, str(place))
        if number in numbers:
            raise refuse(RefusalCode.NUMBER_REPEATED, *path, str(place), found=number)
        numbers.append(number)
    return tuple(numbers)
