"""How long what a mutation is given may be: texts in characters, lists in items, those of inputs yet to come too."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from service.refusals import Findings, RefusalCode

LONGEST_TEXT = 500
MOST_ITEMS = 100
_BOUND = "bound"
_EMPTY: Mapping[Any, Any] = {}


def at_most(bound: int) -> Mapping[Any, Any]:
    """The metadata of a text or a list with a bound of its own. A list of an enum's values needs none."""
    return {_BOUND: bound}


def ensure_bounded(given: object) -> None:
    """Raises Refused with every text and list of an input that is too long, those of inputs within it included."""
    findings = Findings()
    _measure(given, _EMPTY, findings)
    findings.raise_any()


def _measure(value: object, metadata: Mapping[Any, Any], findings: Findings, *path: str) -> None:
    if isinstance(value, str) and not isinstance(value, Enum):
        longest = metadata.get(_BOUND, LONGEST_TEXT)
        if len(value) > longest:
            findings.add(RefusalCode.TEXT_TOO_LONG, *path, longest=longest, found=len(value))
    elif isinstance(value, list):
        most = metadata.get(_BOUND, MOST_ITEMS)
        if value and isinstance(value[0], Enum):
            most = len(type(value[0]))
        if len(value) > most:
            findings.add(RefusalCode.LIST_TOO_LONG, *path, most=most, found=len(value))
            return
        for place, each in enumerate(value):
            _measure(each, _EMPTY, findings, *path, str(place))
    elif is_dataclass(value):
        for each in fields(value):
            _measure(getattr(value, each.name), each.metadata, findings, *path, to_camel_case(each.name))
