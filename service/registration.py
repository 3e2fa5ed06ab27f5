"""What an institution says of itself: parsed field by field, every fault told at once, personal data sealed.

Contacts are sealed for the participant they belong to, also where an application carries them.
"""

from dataclasses import dataclass
from typing import TypeVar

from service import institution_numbers as numbers
from service.access import ParticipantKind
from service.applications import FirstAdministrator
from service.participants import Contact, ContactKind, Information
from service.personal_data import Datum, PersonalData, Place
from service.refusals import Findings, RefusalCode

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ContactInput:
    kind: ContactKind
    name: str
    telephone: str
    email: str | None = None

    def __repr__(self) -> str:
        return f"ContactInput({self.kind})"  # personal data stays out of logs


@dataclass(frozen=True, slots=True, kw_only=True)
class InformationInput:
    kind: ParticipantKind
    legal_name: str
    legal_name_en: str | None = None
    uscc: str
    lei: str | None = None
    clearing_numbers: tuple[str, ...] = ()
    trading_units: tuple[str, ...] = ()
    securities_codes: tuple[str, ...] = ()
    contacts: tuple[ContactInput, ...] = ()


@dataclass(frozen=True, slots=True)
class AdministratorInput:
    """The first administrator, whom the institution names when it applies."""

    operator_number: str
    name: str
    telephone: str | None = None

    def __repr__(self) -> str:
        return f"AdministratorInput({self.operator_number})"


def contact_place(participant_id: str, kind: ContactKind, datum: Datum) -> Place:
    return Place("participants", participant_id, f"contacts.{kind.value}.{datum.value}")


def telephone_place(operator_id: str) -> Place:
    return Place("operators", operator_id, "telephone")


def parse_information(given: InformationInput, data: PersonalData, participant_id: str, *path: str) -> Information:
    """The information in its normal form. Raises Refused with every fault. Does NOT ask whether it is complete."""
    findings = Findings()
    name = findings.attempt(numbers.parse_name, given.legal_name, *path, "legalName")
    english = given.legal_name_en and findings.attempt(numbers.parse_name, given.legal_name_en, *path, "legalNameEn")
    uscc = findings.attempt(numbers.parse_uscc, given.uscc, *path, "uscc")
    lei = given.lei and findings.attempt(numbers.parse_lei, given.lei, *path, "lei")
    lists = {
        "clearing_numbers": (numbers.parse_clearing_number, given.clearing_numbers, "clearingNumbers"),
        "trading_units": (numbers.parse_trading_unit, given.trading_units, "tradingUnits"),
        "securities_codes": (numbers.parse_securities_code, given.securities_codes, "securitiesCodes"),
    }
    parsed = {
        field: findings.attempt(numbers.parse_each, parse, texts, *path, key) or ()
        for field, (parse, texts, key) in lists.items()
    }
    contacts = _parse_contacts(given.contacts, data, participant_id, findings, *path, "contacts")
    findings.raise_any()
    return Information(
        kind=given.kind,
        legal_name=name or "",
        legal_name_en=english or None,
        uscc=uscc or "",
        lei=lei or None,
        contacts=contacts,
        **parsed,
    )


def _parse_contacts(
    given: tuple[ContactInput, ...], data: PersonalData, participant_id: str, findings: Findings, *path: str
) -> tuple[Contact, ...]:
    contacts: dict[ContactKind, Contact] = {}
    for index, each in enumerate(given):
        here = (*path, str(index))
        if each.kind in contacts:
            findings.add(RefusalCode.NUMBER_REPEATED, *here, "kind", found=each.kind.value)
        name = findings.attempt(numbers.parse_name, each.name, *here, "name")
        telephone = findings.attempt(numbers.parse_telephone, each.telephone, *here, "telephone")
        email = each.email and findings.attempt(numbers.parse_email, each.email, *here, "email")
        if name is None or telephone is None:
            continue
        contacts[each.kind] = Contact(
            each.kind,
            data.seal(name, Datum.NAME, contact_place(participant_id, each.kind, Datum.NAME)),
            data.seal(telephone, Datum.TELEPHONE, contact_place(participant_id, each.kind, Datum.TELEPHONE)),
            data.seal(email, Datum.EMAIL, contact_place(participant_id, each.kind, Datum.EMAIL)) if email else None,
        )
    return tuple(contacts.values())


def parse_administrator(
    given: AdministratorInput, data: PersonalData, operator_id: str, *path: str
) -> FirstAdministrator:
    """Raises Refused with every fault."""
    findings = Findings()
    number = findings.attempt(numbers.parse_operator_number, given.operator_number, *path, "operatorNumber")
    name = findings.attempt(numbers.parse_name, given.name, *path, "name")
    telephone = given.telephone and findings.attempt(numbers.parse_telephone, given.telephone, *path, "telephone")
    findings.raise_any()
    sealed = data.seal(telephone, Datum.TELEPHONE, telephone_place(operator_id)) if telephone else None
    return FirstAdministrator(operator_id, number or "", name or "", sealed)
