"""Joining: from nothing to a participant of one's own."""

from datetime import datetime
from typing import Any, Self

import strawberry

from sandbox.control.requests import Info, sandbox_of
from sandbox.control.tenants import Tenant
from sandbox.snippets import Language, render_snippets
from sandbox.tenants import joining
from sandbox.tenants.join_routes import client_address
from schema.cost import ListSize
from service.access import OperatorRole
from service.certificates import CertificateProfile

strawberry.enum(Language)


@strawberry.input(description="The keys of one operator. Each use of each operator has a key of its own.")
class KeysInput:
    role: OperatorRole = strawberry.field(description="ADMINISTRATOR, OPERATOR (the clerk) or REVIEWER.")
    login: str = strawberry.field(description="A PKCS#10 request in PEM, of which only the key is read.")
    seal: str | None = None


@strawberry.input
class JoinInput:
    name: str | None = strawberry.field(default=None, description="The legal name; made up if left out.")
    code: str | None = strawberry.field(default=None, description="The participant code; made up if left out.")
    operators: list[KeysInput] = strawberry.field(description="The administrator, and as one likes the others.")


@strawberry.type
class IssuedCertificate:
    profile: CertificateProfile
    not_after: datetime
    pem: str | None


@strawberry.type(description="A program that logs in and asks a first question: save it beside the key, and run it.")
class Snippet:
    language: Language
    file: str
    run: str
    text: str


@strawberry.type
class JoinedOperator:
    id: strawberry.ID
    role: OperatorRole
    number: str
    certificates: list[IssuedCertificate] = strawberry.field(directives=[ListSize(assumed_size=2)])
    snippets: list[Snippet] = strawberry.field(directives=[ListSize(assumed_size=4)])

    @classmethod
    def of(cls, joined: joining.Joined, each: joining.JoinedOperator, public_url: str) -> Self:
        rendered = render_snippets(public_url, joined.tenant, each.operator) if each.certificates else ()
        issued = [
            IssuedCertificate(profile=one.profile, not_after=one.not_after, pem=one.pem) for one in each.certificates
        ]
        return cls(
            id=strawberry.ID(each.operator.id),
            role=each.operator.role,
            number=each.operator.operator_number,
            certificates=issued,
            snippets=[Snippet(language=one.language, file=one.file, run=one.run, text=one.text) for one in rendered],
        )


@strawberry.type
class Joined:
    tenant: Tenant
    uscc: str
    secret: str = strawberry.field(description="The bearer of this endpoint from now on. Shown this once.")
    operators: list[JoinedOperator] = strawberry.field(directives=[ListSize(assumed_size=3)])


@strawberry.type
class JoinMutation:
    @strawberry.mutation(description="A participant of one's own. Needs no secret: it gives one.")
    async def join(self, info: Info, input: JoinInput) -> Joined:  # noqa: A002 - GraphQL's name for it
        sandbox = sandbox_of(info)
        joined = await sandbox.joining.join(joining.parse_join(_plain(input)), client_address.get())
        url = sandbox.settings.public_url
        return Joined(
            tenant=Tenant.of(joined.tenant, sandbox),
            uscc=joined.uscc,
            secret=joined.secret,
            operators=[JoinedOperator.of(joined, each, url) for each in joined.operators],
        )


def _plain(given: JoinInput) -> dict[str, Any]:
    keys = [{"role": each.role.value, "login": each.login, "seal": each.seal} for each in given.operators]
    return {"name": given.name, "code": given.code, "operators": keys}
