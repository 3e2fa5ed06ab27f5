"""Where a request comes from, as far as requests are counted by it."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network
from typing import Any

NETWORK_BITS = 64  # of an IPv6 address: what lies beyond, each line has to itself, and may change at will (RFC 6177)


def address_of(scope: Mapping[str, Any]) -> str:
    """The client's address, as the server says: of IPv6 its network, which is all that cannot be had by the million."""
    client = scope.get("client")
    return counted_as(str(client[0])) if client else "unknown"


@lru_cache(maxsize=1_024)
def counted_as(host: str) -> str:
    """An IPv6 address by its network, one that stands for an IPv4 address as that. All else as it is."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), NETWORK_BITS), strict=False))
