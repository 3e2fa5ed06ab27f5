"""The test identities that are always there."""

from typing import Self

import strawberry

from sandbox import personas
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


@strawberry.type
class PersonaQuery:
    @strawberry.field(directives=[ListSize(assumed_size=20)])
    def personas(self) -> list[Persona]:
        return [Persona.of(each) for each in personas.PERSONAS.values()]
