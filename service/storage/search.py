"""Text over names: which pieces of a name are indexed, and which query finds them. No text of a caller is a pattern.

The database's own text index does not split Chinese. One and two characters at a time do, and a plain index serves.
"""

import re
import unicodedata
from collections.abc import Mapping

from service.errors import BadInput
from service.storage.database import Document

LONGEST_QUERY = 64
SEARCH_PROPERTIES: Mapping[str, Mapping[str, object]] = {
    "searchText": {"bsonType": "string"},
    "searchGrams": {"bsonType": "array", "items": {"bsonType": "string"}},
}


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _grams(text: str) -> set[str]:
    return {text[place : place + length] for length in (1, 2) for place in range(len(text) - length + 1)} - {" "}


def _runs(text: str) -> set[str]:
    """Runs of digits, with and without their leading zeros."""
    return {form for run in re.findall(r"[0-9]+", text) for form in (run, run.lstrip("0")) if form}


def search_fields(*texts: str) -> Document:
    """The derived fields. A text is found by any part that has a letter, and by each whole run of its digits."""
    plain = [_plain(text) for text in texts]
    lettered = [text for text in plain if not text.isdecimal()]
    grams = set[str]().union(*map(_runs, plain), *map(_grams, lettered))
    return {"searchText": "\n".join(plain), "searchGrams": sorted(grams)}


def found_by(text: str, *texts: str) -> bool:
    """Whether `search_query` of `text` finds a document with `search_fields` of `texts`."""
    query, fields = search_query(text), search_fields(*texts)
    wanted = query["searchGrams"]
    grams = set(wanted["$all"]) if isinstance(wanted, dict) else {wanted}
    return grams <= set(fields["searchGrams"]) and ("searchText" not in query or _plain(text) in fields["searchText"])


def search_query(text: str) -> Document:
    """Finds what has `text` in it. Raises BadInput for an empty or very long one, and for a control character.

    The grams lead through the index; the escaped expression then only looks at what they found.
    """
    plain = _plain(text) if len(text) <= LONGEST_QUERY else ""  # NFKC is quadratic in a run of combining marks
    if not 1 <= len(plain) <= LONGEST_QUERY:
        raise BadInput(f"A text to search for has 1 to {LONGEST_QUERY} characters.")
    if any(unicodedata.category(char) == "Cc" for char in plain):  # MongoDB takes no NUL in an expression
        raise BadInput("A text to search for has no control characters.")
    if plain.isascii() and plain.isdecimal():
        return {"searchGrams": plain}
    grams = sorted(gram for gram in _grams(plain) if len(gram) == min(len(plain), 2))
    return {"searchGrams": {"$all": grams}, "searchText": {"$regex": re.escape(plain)}}
