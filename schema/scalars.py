"""Scalars of the public schema: strict about what comes in, and only one way to write what goes out."""

import re
from datetime import UTC, date, datetime
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from service.errors import BadInput

Cursor = NewType("Cursor", str)

_UTC_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,1024}")


def parse_time(text: object) -> datetime:
    """An RFC 3339 time with its offset, as aware UTC. Raises BadInput for anything else."""
    if not isinstance(text, str) or not _UTC_TIME.fullmatch(text):
        raise BadInput("A DateTime is an RFC 3339 time with its offset, such as 2026-01-31T08:00:00Z.")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{text} is not a time.") from error


def write_time(moment: datetime) -> str:
    """RFC 3339 in UTC, with Z; milliseconds if it has any. A naive time is a fault of ours: ValueError."""
    if moment.tzinfo is None:
        raise ValueError("a naive time reached the GraphQL face")
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def parse_date(text: object) -> date:
    """A day as YYYY-MM-DD. Raises BadInput."""
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        raise BadInput("A Date is a day such as 2026-01-31.")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text} is not a day.") from error


def parse_cursor(text: object) -> str:
    """The outside of a cursor. What is inside, the connection that it belongs to reads."""
    if not isinstance(text, str) or not _CURSOR.fullmatch(text):
        raise BadInput("This is not a cursor: pass one that the service gave, unchanged.")
    return text


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339, always written in UTC: 2026-01-31T08:00:00Z.",
        serialize=write_time,
        parse_value=parse_time,
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
    ),
    date: strawberry.scalar(
        name="Date", description="A day: 2026-01-31.", serialize=date.isoformat, parse_value=parse_date
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="A place in a connection. Opaque: pass it back unchanged.",
        serialize=str,
        parse_value=parse_cursor,
    ),
}
