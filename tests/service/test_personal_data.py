"""Personal data: nothing opens at another place, in another world, or with another key; what shows is masked."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.personal_data import Datum, PersonalData, Place, Sealed
from service.world import PRODUCTION, Environment

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
OTHER_WORLD = dataclasses.replace(PRODUCTION, environment=Environment.SANDBOX)
HERE = Place("operators", "live-op-1", "telephone")
NUMBER = "+8613812341234"


@given(st.text(st.characters(codec="utf-8"), max_size=80), st.sampled_from(Datum))
def test_what_is_sealed_opens_at_its_place(text: str, datum: Datum) -> None:
    data = PersonalData(PRODUCTION, KEY)
    assert data.open(data.seal(text, datum, HERE), HERE) == text


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("participants", HERE.id, HERE.field),
        Place(HERE.collection, "live-op-2", HERE.field),
        Place(HERE.collection, HERE.id, "smsTelephone"),
    ],
)
def test_a_ciphertext_copied_to_another_place_does_not_open(elsewhere: Place) -> None:
    data = PersonalData(PRODUCTION, KEY)
    with pytest.raises(Sealed):
        data.open(data.seal(NUMBER, Datum.TELEPHONE, HERE), elsewhere)


def test_a_ciphertext_of_the_other_world_does_not_open_even_with_the_same_key() -> None:
    sealed = PersonalData(OTHER_WORLD, KEY).seal(NUMBER, Datum.TELEPHONE, HERE)
    with pytest.raises(Sealed):
        PersonalData(PRODUCTION, KEY).open(sealed, HERE)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_is_found(place: int, change: int) -> None:
    data = PersonalData(PRODUCTION, KEY)
    sealed = data.seal(NUMBER, Datum.TELEPHONE, HERE)
    altered = bytearray(sealed.ciphertext)
    altered[place % len(altered)] ^= change
    with pytest.raises(Sealed):
        data.open(dataclasses.replace(sealed, ciphertext=bytes(altered)), HERE)


@given(st.binary(max_size=60))
def test_foreign_bytes_are_refused(ciphertext: bytes) -> None:
    data = PersonalData(PRODUCTION, KEY)
    sealed = dataclasses.replace(data.seal(NUMBER, Datum.TELEPHONE, HERE), ciphertext=ciphertext)
    with pytest.raises(Sealed):
        data.open(sealed, HERE)


def test_a_former_key_still_opens_and_finds() -> None:
    old = PersonalData(PRODUCTION, KEY).seal(NUMBER, Datum.TELEPHONE, HERE)
    rotated = PersonalData(PRODUCTION, OTHER_KEY, KEY)
    assert rotated.open(old, HERE) == NUMBER
    new = rotated.seal(NUMBER, Datum.TELEPHONE, HERE)
    assert new.blind_index == old.blind_index
    with pytest.raises(Sealed):
        PersonalData(PRODUCTION, KEY).open(new, HERE)


def test_equal_values_are_found_by_their_index_and_unequal_ones_are_not() -> None:
    data = PersonalData(PRODUCTION, KEY)
    index = data.blind_index(NUMBER, Datum.TELEPHONE)
    assert data.seal(NUMBER, Datum.TELEPHONE, HERE).blind_index == index
    assert data.blind_index(NUMBER, Datum.NAME) != index
    assert PersonalData(OTHER_WORLD, KEY).blind_index(NUMBER, Datum.TELEPHONE) != index
    assert PersonalData(PRODUCTION, OTHER_KEY).blind_index(NUMBER, Datum.TELEPHONE) != index


def test_the_same_value_is_never_encrypted_the_same_way() -> None:
    data = PersonalData(PRODUCTION, KEY)
    first, second = (data.seal(NUMBER, Datum.TELEPHONE, HERE) for _ in range(2))
    assert first.ciphertext != second.ciphertext


def test_a_value_moves_with_its_mask_and_its_index() -> None:
    data = PersonalData(PRODUCTION, KEY)
    there = Place("participants", "live-par-1", "contacts.BUSINESS.telephone")
    sealed = data.seal(NUMBER, Datum.TELEPHONE, HERE)
    moved = data.moved(sealed, HERE, there)
    assert (moved.masked, moved.blind_index) == (sealed.masked, sealed.blind_index)
    assert data.open(moved, there) == NUMBER


@pytest.mark.parametrize(
    ("datum", "text", "masked"),
    [
        (Datum.TELEPHONE, NUMBER, "138****1234"),
        (Datum.TELEPHONE, "+442079460958", "+44****58"),
        (Datum.NAME, "张三丰", "张*"),
        (Datum.EMAIL, "zhang@example.com", "z***@example.com"),
    ],
)
def test_what_shows_is_masked(datum: Datum, text: str, masked: str) -> None:
    sealed = PersonalData(PRODUCTION, KEY).seal(text, datum, HERE)
    assert sealed.masked == masked
    assert text not in repr(sealed)


def test_a_key_has_its_length() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        PersonalData(PRODUCTION, b"short")
