"""The connection to one world's MongoDB: collections, transactions, and errors in this service's own words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Document = dict[str, Any]
Session = Any  # the driver's session; None stands for "no transaction" where a stand-in has none
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Index:
    """One index: `keys` as (field, 1 | -1) in order. Declared beside the queries it serves."""

    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    partial: Mapping[str, object] | None = None
    expire_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as declared: its name, the `$jsonSchema` of its fields beside the marks, its indexes."""

    name: str
    properties: Mapping[str, Mapping[str, object]]
    required: tuple[str, ...]
    indexes: tuple[Index, ...] = ()
    evidence: bool = False  # lives in the evidence database, insert-only for the application's user
