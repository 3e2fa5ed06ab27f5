"""The test identities that are always there."""

from typing import Self

import strawberry

from sandbox.control.requests import Info, sandbox_of
from sandbox.personas import people as personas
from sandbox.tenants.join_routes import client_address
from schema.cost import ListSize


@strawberry.type(description="A test identity that is always there.")
class Persona:
    name: str
    shows: str
    shows_zh: str
    role: str
    participant_code: str | None = strawberry.field(description="Null for the depository's staff.")

    @classmethod
    def of(cls, persona: personas.Persona) -> Self:
        code = persona.institution.code if persona.institution else None
        return cls(
            name=persona.name,
            shows=persona.shows,
            shows_zh=persona.shows_zh,
            role=persona.role.value,
            participant_code=code,
        )


@strawberry.type(description="The personas are as they were when they were made.")
class PersonasReset:
    objects: int = strawberry.field(description="How many objects had been changed or removed, and were put back.")


@strawberry.type
class PersonaMutation:
    @strawberry.mutation(
        description="Put all personas back to how they were made: what anybody changed of theirs, their logins too."
        " They are everybody's, so this needs no tenant; other participants are not touched, and records stay."
    )
    async def reset_personas(self, info: Info) -> PersonasReset:
        return PersonasReset(objects=await sandbox_of(info).persona_resets.reset(client_address.get()))


@strawberry.type
class PersonaQuery:
    @strawberry.field(directives=[ListSize(assumed_size=20)])
    def personas(self, info: Info) -> list[Persona]:
        had = personas.handed_out(registrars=sandbox_of(info).settings.hands_out_registrars)
        return [Persona.of(each) for each in had]
