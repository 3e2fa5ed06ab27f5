"""Patterns over events, as a case writes them down: a field, and what it must be.

    {source: record, kind: login.accepted, actor: $clerk, certificate: {not: $revoked}}

A plain value is equal to the field, or is in it where the field is a list. A list means: one of these. `$name` is a
fact of the run. `{not: x}`, `{at_least: n}`, `{contains: x}` and `{present: true}` say the rest.
"""

from collections.abc import Iterator, Mapping, Sequence

from sandbox.conformance.events import Event, Value

Facts = Mapping[str, str]
Pattern = Mapping[str, Value]
OPERATORS = frozenset({"not", "at_least", "contains", "present"})


class UnknownFact(LookupError):
    """A pattern names a fact that the run does not have."""


def matches(pattern: Pattern, event: Event, facts: Facts) -> bool:
    """Whether every field of the pattern holds. Raises UnknownFact."""
    return all(
        event.source.value == wanted if path == "source" else _holds(wanted, event.field(path), facts)
        for path, wanted in pattern.items()
    )


def facts_in(value: Value) -> Iterator[str]:
    """The names of the facts that a pattern, or a part of one, asks for."""
    if isinstance(value, str):
        if value.startswith("$"):
            yield value[1:]
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from facts_in(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from facts_in(each)


def resolve(value: Value, facts: Facts) -> Value:
    """A fact in place of its name. Raises UnknownFact."""
    if not isinstance(value, str) or not value.startswith("$"):
        return value
    if value[1:] not in facts:
        raise UnknownFact(value[1:])
    return facts[value[1:]]


def _holds(wanted: Value, found: Value, facts: Facts) -> bool:
    if isinstance(wanted, Mapping):
        return all(_holds_by(name, value, found, facts) for name, value in wanted.items())
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return any(_holds(each, found, facts) for each in wanted)
    sought = resolve(wanted, facts)
    return _same(sought, found) or (_is_list(found) and any(_same(sought, each) for each in found))  # type: ignore[union-attr]  # a list, as just seen


def _holds_by(name: str, value: Value, found: Value, facts: Facts) -> bool:
    match name:
        case "not":
            return not _holds(value, found, facts)
        case "at_least":
            return _is_number(value) and _is_number(found) and found >= value  # type: ignore[operator]  # two numbers
        case "contains":
            return isinstance(found, str) and str(resolve(value, facts)) in found
        case "present":
            return (found is not None) is value
        case _:
            raise ValueError(f"{name!r} is no condition; there are {', '.join(sorted(OPERATORS))}")


def _same(wanted: Value, found: Value) -> bool:
    """Numbers are no truth values here; a fact, which is text, equals the number that it spells."""
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    if isinstance(wanted, str) and _is_number(found):
        return wanted == str(found)
    return wanted == found


def _is_number(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list(value: Value) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
