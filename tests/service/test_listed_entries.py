"""The entries that a process keeps for its revocation list: the same as a plain dictionary would have."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.listed_entries import ListedEntries

AT = datetime(2026, 11, 22, tzinfo=UTC)
SERIALS = st.integers(1, 600).map(lambda number: f"{number:X}")
CHANGES = st.lists(st.tuples(SERIALS, st.booleans()), max_size=60)


@given(CHANGES, st.integers(0, 10))
def test_what_is_listed_is_what_was_put_and_neither_dropped_nor_expired(
    changes: list[tuple[str, bool]], days: int
) -> None:
    entries, plain = ListedEntries(), dict[str, int]()
    for number, (serial, ended) in enumerate(changes):
        if not ended:
            entries.drop(serial)
            plain.pop(serial, None)
        else:
            life = int(serial, 16) % 10  # a certificate's end does not move
            entries.put(serial, f"<{serial}>".encode(), AT + timedelta(days=life))
            plain[serial] = life
        if number % 7 == 0:
            entries.joined(AT)
    listed = b"".join(entries.joined(AT + timedelta(days=days)))
    wanted = {f"<{serial}>" for serial, life in plain.items() if life >= days}
    assert sorted(listed.decode().replace("><", "> <").split()) == sorted(wanted)
    assert len(entries) == len(wanted)


def test_a_change_joins_one_piece_anew() -> None:
    entries = ListedEntries()
    for number in range(10_000):
        entries.put(f"{number:08X}", b"e", AT)
    before = entries.joined(AT)
    entries.put("00000007", b"f", AT)
    known = {id(each) for each in before}
    assert len(before) == 256
    assert sum(id(each) not in known for each in entries.joined(AT)) == 1
