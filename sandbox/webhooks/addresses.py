"""Where webhooks may be sent: HTTPS to public addresses, and what else the sandbox allows; nothing else, however spelt.

1. An address is read once and strictly; what browsers would understand and this does not (decimal or octal hosts,
   user names, backslashes) is refused.
2. Its name is resolved when something is to be sent; one answer that is not allowed spoils them all.
3. The connection goes to the very address that was looked at: a name cannot change its mind in between.
4. The ports of the sandbox itself are shut on every address, but for its own receiver.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from service.errors import BadInput

LONGEST = 2_000
IPAddress = IPv4Address | IPv6Address
_PLAIN = re.compile(r"[!#-\[\]-~]+")  # printable ASCII without space, quotation mark and backslash
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*")
_NUMERIC = re.compile(r"([0-9]+|0x[0-9a-f]*)")
_NOWHERE = (
    "192.0.0.0/24",  # IETF protocol assignments
    "192.88.99.0/24",  # 6to4 relays
    "::/96",  # IPv4-compatible, which lead to an IPv4 address inside them, as do the next four:
    "64:ff9b::/96",  # NAT64
    "64:ff9b:1::/48",
    "2001::/23",  # Teredo among others
    "2002::/16",  # 6to4
    "100::/64",  # discard
    "3fff::/20",  # documentation
    "5f00::/16",  # segment routing
    "fec0::/10",  # the site-local addresses of old
    "100.100.100.200/32",  # where clouds keep what a machine may know of itself, this and the next two
    "168.63.129.16/32",
    "fd00:ec2::254/128",
)
"""Of the IANA registries of special addresses those that `ipaddress` of an older Python calls global; and clouds'."""
_SPECIAL = tuple(map(ipaddress.ip_network, _NOWHERE))
_OWN = "That port is the sandbox's own: of it webhooks reach the built-in receiver alone."


class Reach(StrEnum):
    """How far into its own network a sandbox lets webhooks go."""

    PUBLIC = "public"
    LOOPBACK = "loopback"  # and to this machine itself
    PRIVATE = "private"  # and to private networks


class Forbidden(BadInput):
    """A webhook must not be sent there."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address as it was read. `path` has the query with it; `host` is what TLS and the Host header name."""

    url: str
    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


Resolve = Callable[[str | None, str, int], Awaitable[Sequence[str]]]
"""All addresses of a name, asked for by a tenant; by none (None) where the name is this machine's own."""


def parse_target(url: str) -> Target:
    """Raises BadInput. Where the name leads is NOT looked at: see `AddressBook.address_of`."""
    if len(url) > LONGEST or _PLAIN.fullmatch(url) is None:
        raise BadInput(f"A webhook's address is 1 to {LONGEST} printable ASCII characters.", field="url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadInput("The webhook's address cannot be read.", field="url") from None
    secure = parts.scheme == "https"
    if parts.scheme not in {"http", "https"} or parts.fragment or "@" in parts.netloc or port == 0:
        raise BadInput("A webhook's address is https://host/path, with no user and no fragment.", field="url")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(url, secure, _host(parts), port or (443 if secure else 80), path)


def _host(parts: SplitResult) -> str:
    """A name, or an address in its one usual spelling. Raises BadInput."""
    host = (parts.hostname or "").rstrip(".")
    literal = _literal(host)
    if literal is not None and "%" not in host:
        return str(literal)
    if _NAME.fullmatch(host) is None or _NUMERIC.fullmatch(host.rsplit(".", 1)[-1]):
        raise BadInput("The webhook's host is neither a name nor an address in its usual form.", field="url")
    return host


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def allows(reach: Reach, address: IPAddress) -> bool:
    """Whether webhooks may go to this address. Link-local ones (a cloud's metadata) are never allowed."""
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return reach is not Reach.PUBLIC
    if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
        return False
    if any(address in network for network in _SPECIAL if network.version == address.version):
        return False
    return address.is_global or reach is Reach.PRIVATE


class AddressBook:
    """Decides for one sandbox: how far webhooks reach, which hosts and ports are its own, where its receiver is."""

    def __init__(
        self,
        reach: Reach,
        receiver: re.Pattern[str],
        resolve: Resolve,
        *,
        listener: tuple[str, int] | None = None,
        own_host: str = "",
        own_ports: frozenset[int] = frozenset(),
    ) -> None:
        self._reach = reach
        self._receiver = receiver
        self._listener = listener
        self._own_host = own_host
        self._own_ports = own_ports
        self._resolve = resolve

    def is_own_receiver(self, url: str) -> bool:
        return self._receiver.fullmatch(url) is not None

    def ensure_allowed(self, url: str) -> Target:
        """What can be said before any name is resolved. Raises BadInput, Forbidden.

        The sandbox's own receiver is where the sandbox listens: its public address may not lead back from here.
        """
        target = parse_target(url)
        if self.is_own_receiver(url):
            if self._listener is None:
                return target
            host, port = self._listener
            return replace(target, secure=False, host=host, port=port)
        if target.host == self._own_host and target.port in self._own_ports:
            raise Forbidden(_OWN, field="url")
        literal = _literal(target.host)
        if literal is not None:
            self._ensure(target, literal)
        elif not target.secure and self._reach is Reach.PUBLIC:
            raise Forbidden("Webhooks are sent over https.", field="url")
        return target

    async def address_of(self, tenant_id: str, target: Target) -> str:
        """The one address to connect to. Raises Forbidden, OSError for a name that leads nowhere, NoTurn."""
        answers = [ipaddress.ip_address(each) for each in await self._answers(tenant_id, target)]
        if not answers:
            raise OSError("no address")
        if not self.is_own_receiver(target.url):
            for each in answers:
                self._ensure(target, each)
        return str(answers[0])

    async def _answers(self, tenant_id: str, target: Target) -> Sequence[str]:
        """An address is its own answer, and no tenant's names keep those of this machine waiting."""
        if _literal(target.host) is not None:
            return (target.host,)
        at_home = target.host == "localhost" or self.is_own_receiver(target.url)
        return await self._resolve(None if at_home else tenant_id, target.host, target.port)

    def _ensure(self, target: Target, address: IPAddress) -> None:
        address = getattr(address, "ipv4_mapped", None) or address
        if not allows(self._reach, address):
            raise Forbidden("Webhooks are not sent to private, local or reserved addresses from here.", field="url")
        inside = address.is_loopback or not address.is_global
        if not target.secure and not inside:
            raise Forbidden("Webhooks to public addresses are sent over https.", field="url")
        if inside and target.port in self._own_ports:
            raise Forbidden(_OWN, field="url")
