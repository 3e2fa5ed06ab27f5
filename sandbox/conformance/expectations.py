"""What a case expects of a client, as data: the kinds of expectation, each with a sentence for when it is not met."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from sandbox.conformance.events import Source, Value
from sandbox.conformance.patterns import OPERATORS, facts_in


class Told(BaseModel):
    """A sentence in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


def _conditions_are_known(pattern: dict[str, Any]) -> dict[str, Any]:
    for path, wanted in pattern.items():
        if isinstance(wanted, dict) and (not wanted or not wanted.keys() <= OPERATORS):
            raise ValueError(f"{path}: a condition is one of {', '.join(sorted(OPERATORS))}")
    if "source" not in pattern:
        raise ValueError("a pattern says of which source it is")
    if pattern["source"] == Source.RECORD.value and not isinstance(pattern.get("kind"), str):
        raise ValueError("a pattern of records says of which kind they are")
    return pattern


class Expectation(BaseModel):
    """`name` is for others to come after it. `advice` says what to do better."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, pattern=r"^[a-z][a-z-]*$")
    after: str | None = None
    """Counts only what came after the first event that met the expectation of this name."""
    advice: Told

    @property
    def pattern(self) -> dict[str, Any]:
        raise NotImplementedError

    def facts(self) -> Iterator[str]:
        """The facts it asks for."""
        yield from facts_in(self.pattern)

    @field_validator("saw", "never", "repeated", "spaced", "paged", check_fields=False)
    @classmethod
    def _check_pattern(cls, pattern: dict[str, Any]) -> dict[str, Any]:
        return _conditions_are_known(pattern)


class Saw(Expectation):
    """So many events, at least, and no later than `within` seconds after the case began.

    `distinct`: as many different values of this field.
    """

    saw: dict[str, Any]
    times: int = Field(default=1, ge=1)
    within: int | None = Field(default=None, ge=1)
    distinct: str | None = None

    @property
    def pattern(self) -> dict[str, Any]:
        return self.saw


class Never(Expectation):
    """No event, or not more than `more_than`."""

    never: dict[str, Any]
    more_than: int = Field(default=0, ge=0)

    @property
    def pattern(self) -> dict[str, Any]:
        return self.never


class Repeated(Expectation):
    """The same thing done again: so many events that agree in these fields, none of which is empty."""

    repeated: dict[str, Any]
    agreeing: tuple[str, ...] = Field(min_length=1)
    times: int = Field(default=2, ge=2)

    @property
    def pattern(self) -> dict[str, Any]:
        return self.repeated


class Spaced(Expectation):
    """After each such event the client waits as many seconds as the fact `by` says before it asks again."""

    spaced: dict[str, Any]
    by: str

    @property
    def pattern(self) -> dict[str, Any]:
        return self.spaced

    def facts(self) -> Iterator[str]:
        yield from facts_in(self.spaced)
        yield self.by


class Paged(Expectation):
    """A list read page by page: from the start, each page after the end of the one before, to the last item.

    `cursors` is the fact with the cursors of all items in their order, `first` the field with the size of a page.
    """

    paged: dict[str, Any]
    cursors: str
    first: str = "arguments.first"
    position: str = "arguments.after"

    @property
    def pattern(self) -> dict[str, Any]:
        return self.paged

    def facts(self) -> Iterator[str]:
        yield from facts_in(self.paged)
        yield self.cursors


KINDS: tuple[type[Expectation], ...] = (Saw, Never, Repeated, Spaced, Paged)


def _kind_of(value: Any) -> str | None:
    if isinstance(value, Expectation):
        return type(value).__name__.lower()
    named = [kind.__name__.lower() for kind in KINDS if isinstance(value, dict) and kind.__name__.lower() in value]
    return named[0] if len(named) == 1 else None


AnyExpectation = Annotated[
    Annotated[Saw, Tag("saw")]
    | Annotated[Never, Tag("never")]
    | Annotated[Repeated, Tag("repeated")]
    | Annotated[Spaced, Tag("spaced")]
    | Annotated[Paged, Tag("paged")],
    Discriminator(_kind_of),
]

__all__ = ["AnyExpectation", "Expectation", "Never", "Paged", "Repeated", "Saw", "Spaced", "Told", "Value"]
