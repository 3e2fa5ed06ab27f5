"""How much may be open at once: counted for caller and address, let go however it ends."""

from contextlib import ExitStack, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import RateLimited
from service.http.open_streams import OpenStreams


def test_a_caller_has_a_limit_of_its_own_and_an_address_one_for_all_from_there():
    streams = OpenStreams(per_caller=2, per_address=3)
    with ExitStack() as held:
        held.enter_context(streams.hold("a", "one"))
        held.enter_context(streams.hold("a", "one"))
        with pytest.raises(RateLimited) as of_caller:
            held.enter_context(streams.hold("b", "one"))
        held.enter_context(streams.hold("a", "two"))
        with pytest.raises(RateLimited) as of_address:
            held.enter_context(streams.hold("a"))
        held.enter_context(streams.hold("b"))
    assert of_caller.value.extensions["limit"] == {"name": "open_per_caller", "limit": 2}
    assert of_address.value.extensions["limit"] == {"name": "open_per_address", "limit": 3}
    assert of_caller.value.extensions["retryAfter"] == 5
    assert len(streams) == 0


def test_what_ends_by_an_error_is_let_go():
    streams = OpenStreams(per_caller=1, per_address=1)
    with pytest.raises(ValueError, match="broke"), streams.hold("a", "one"):
        raise ValueError("broke")
    with streams.hold("a", "one"):
        pass


HOLDS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["one", "two", None])), max_size=20)


@given(HOLDS)
def test_never_more_is_open_than_the_limits_say_and_all_is_given_back(holds: list[tuple[str, str | None]]):
    streams, admitted = OpenStreams(per_caller=2, per_address=4), list[tuple[str, str | None]]()
    with ExitStack() as held:
        for address, caller in holds:
            with suppress(RateLimited):
                held.enter_context(streams.hold(address, caller))
                admitted.append((address, caller))
    for address in "ab":
        assert sum(each[0] == address for each in admitted) <= 4
    for caller in ("one", "two"):
        assert sum(each[1] == caller for each in admitted) <= 2
    assert len(streams) == 0
