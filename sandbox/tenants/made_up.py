"""Names and numbers for institutions that do not exist: right in form, and nobody's."""

import secrets

from stdnum.cn import uscc as _uscc

from service.access import ParticipantKind
from service.applications import Material, MaterialKind
from service.participants import ContactKind
from service.registration import ContactInput, InformationInput

TELEPHONE = "+8613800138000"  # the number that Chinese test data has always used
_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # of GB 32100-2015
_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)  # GB 11714-1997
_REGION = "990000"  # no province: no institution has it


def new_code() -> str:
    """A participant code: T for test, then five of a code's letters."""
    return "T" + "".join(secrets.choice("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(5))


def new_uscc() -> str:
    """A unified social credit code with both its checks right, in a region that there is not."""
    body = "".join(secrets.choice(_LETTERS) for _ in range(8))
    total = sum(weight * int(letter, 36) for weight, letter in zip(_WEIGHTS, body, strict=True))
    check = "0123456789X0"[(11 - total % 11) % 11]
    number = f"91{_REGION}{body}{check}"
    return number + str(_uscc.calc_check_digit(number))


def new_legal_name(code: str) -> str:
    return f"测试机构{code}有限公司"


def new_information(code: str, legal_name: str, uscc: str) -> InformationInput:
    return InformationInput(
        kind=ParticipantKind.SETTLEMENT_PARTICIPANT,
        legal_name=legal_name,
        uscc=uscc,
        clearing_numbers=(code,),
        contacts=(ContactInput(ContactKind.BUSINESS, "测试联系人", TELEPHONE, "contact@example.com"),),
    )


def opening_papers() -> tuple[Material, ...]:
    """What an application to open takes, with hashes of papers that nobody has to write."""
    kinds = (MaterialKind.APPLICATION_FORM, MaterialKind.BUSINESS_LICENCE, MaterialKind.AUTHORIZATION)
    return tuple(Material(kind, f"{kind.value.lower()}.pdf", secrets.token_hex(32)) for kind in kinds)
