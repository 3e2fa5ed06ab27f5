"""Addresses as they are counted: whoever has a network of IPv6 has more addresses than any limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.http.addresses import address_of, counted_as


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("localhost", "localhost"),
        ("no:address", "no:address"),
    ],
)
def test_an_ipv6_address_is_counted_by_its_network(host: str, counted: str):
    assert address_of({"client": (host, 1)}) == counted
    assert counted_as(counted) == counted


def test_where_the_server_does_not_know_all_are_one():
    assert address_of({}) == address_of({"client": None}) == "unknown"


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_all_of_a_network_are_one(address: object, beyond: int):
    network = int(address) >> 64 << 64  # type: ignore[call-overload]  # an IPv6Address, as hypothesis does not say
    if network:
        assert counted_as(str(type(address)(network + beyond))) == counted_as(str(type(address)(network)))


@given(st.text())
def test_no_text_makes_it_fail(host: str):
    counted_as(host)
