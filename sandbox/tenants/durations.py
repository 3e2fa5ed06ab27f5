"""Spans of time as people write them: 30d, 36h, 1d12h, 90m, 45s, or as ISO 8601 has them: P1DT12H."""

import re
from datetime import timedelta

from service.errors import BadInput

LONGEST = 32
_DURATION = re.compile(r"P?(?:(\d{1,5})D)?T?(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """More than nothing. Weeks, months and years are not taken: they are no fixed number of days, or easily counted.

    Raises BadInput.
    """
    match = _DURATION.fullmatch(text.strip().upper()) if len(text) <= LONGEST else None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not span:
        raise BadInput("A duration is more than nothing, and written like 30d, 36h, 1d12h, 45s or P1DT12H.")
    return span
