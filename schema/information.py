"""What is registered of an institution (art. 6, 16): as participants hold it and as applications would change it."""

from dataclasses import fields
from typing import Self

import strawberry

from schema.bounds import at_most
from schema.context import Info
from schema.cost import ListSize
from schema.permissions import OnlyFor
from service import participants, registration
from service.access import ParticipantKind, QualificationType
from service.participants import ContactKind
from service.policy import Action

strawberry.enum(ParticipantKind, description="结算参与机构, 证券发行人 (art. 20), and others.")
strawberry.enum(ContactKind, description="EMERGENCY is the channel of art. 26.")
strawberry.enum(QualificationType, description="结算业务资格 or 证券登记 (art. 20).")


@strawberry.type(description="A contact in clear, for those who need to reach it.")
class ContactInClear:
    name: str
    telephone: str
    email: str | None


@strawberry.type(description="Whom to reach, masked.")
class Contact:
    participant: strawberry.Private[participants.Participant | None]
    record: strawberry.Private[participants.Contact]
    kind: ContactKind
    name: str = strawberry.field(description="Masked: 张*.")
    telephone: str = strawberry.field(description="Masked: 138****1234.")
    email: str | None = strawberry.field(description="Masked: a***@example.com.")

    @classmethod
    def of(cls, participant: participants.Participant | None, record: participants.Contact) -> Self:
        """`participant` is None where the contact is only applied for: then it stays masked."""
        return cls(
            participant=participant,
            record=record,
            kind=record.kind,
            name=record.name.masked,
            telephone=record.telephone.masked,
            email=record.email.masked if record.email else None,
        )

    @strawberry.field(
        description="In clear, for callers who need it; null for others.",
        extensions=[OnlyFor(Action.REVEAL_PERSONAL_DATA)],
    )
    async def in_clear(self, info: Info) -> ContactInClear | None:
        if self.participant is None:
            return None
        service, caller = info.context.services.participants, info.context.caller
        found = await service.reveal_contact(caller, self.participant, self.record)
        return ContactInClear(name=found.name, telephone=found.telephone, email=found.email) if found else None


@strawberry.type(
    description="The registered information (用户信息), which changes through applications only (art. 16)."
)
class RegisteredInformation:
    kind: ParticipantKind
    legal_name: str
    legal_name_en: str | None
    uscc: str
    lei: str | None
    clearing_numbers: list[str] = strawberry.field(directives=[ListSize(assumed_size=10)])
    trading_units: list[str] = strawberry.field(directives=[ListSize(assumed_size=20)])
    securities_codes: list[str] = strawberry.field(directives=[ListSize(assumed_size=20)])
    contacts: list[Contact] = strawberry.field(directives=[ListSize(assumed_size=4)])

    @classmethod
    def of(cls, participant: participants.Participant | None, record: participants.Information) -> Self:
        return cls(
            kind=record.kind,
            legal_name=record.legal_name,
            legal_name_en=record.legal_name_en,
            uscc=record.uscc,
            lei=record.lei,
            clearing_numbers=list(record.clearing_numbers),
            trading_units=list(record.trading_units),
            securities_codes=list(record.securities_codes),
            contacts=[Contact.of(participant, each) for each in record.contacts],
        )


@strawberry.input
class ContactInput:
    kind: ContactKind
    name: str
    telephone: str
    email: str | None = None


@strawberry.input(description="What an institution says of itself (用户信息): all of it, also what stays as it is.")
class InformationInput:
    kind: ParticipantKind
    legal_name: str
    uscc: str = strawberry.field(description="统一社会信用代码, with its check digit.")
    contacts: list[ContactInput] = strawberry.field(metadata=at_most(len(ContactKind)))
    legal_name_en: str | None = None
    lei: str | None = None
    clearing_numbers: list[str] = strawberry.field(default_factory=list)
    trading_units: list[str] = strawberry.field(default_factory=list)
    securities_codes: list[str] = strawberry.field(default_factory=list)

    def given(self) -> registration.InformationInput:
        contacts = tuple(
            registration.ContactInput(each.kind, each.name, each.telephone, each.email) for each in self.contacts
        )
        said = {each.name: getattr(self, each.name) for each in fields(registration.InformationInput)}
        lists = {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
        return registration.InformationInput(**{**said, **lists, "contacts": contacts})


@strawberry.input(description="The first administrator (管理员), whom the institution names when it applies.")
class AdministratorInput:
    operator_number: str
    name: str
    telephone: str | None = None

    def given(self) -> registration.AdministratorInput:
        return registration.AdministratorInput(self.operator_number, self.name, self.telephone)
