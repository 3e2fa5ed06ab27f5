"""Where webhooks never go, however it is spelt: loopback, private networks, a cloud's metadata, the sandbox itself."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.settings import SandboxSettings, read_sandbox_settings
from sandbox.webhooks.addresses import AddressBook, Forbidden, Reach, allows, parse_target
from sandbox.webhooks.bootstrap import address_book
from sandbox.world import SANDBOX
from service.errors import BadInput
from service.identifiers import Kind, new_id

RECEIVER = re.compile(r"http://127\.0\.0\.1:8000/sandbox/receiver/[a-z]{8}")
OWN = "http://127.0.0.1:8000/sandbox/receiver/abcdefgh"
PUBLIC = "93.184.215.14"


def book(reach: Reach, *answers: str) -> AddressBook:
    async def resolve(tenant_id: str | None, host: str, port: int) -> Sequence[str]:
        return answers or [host]

    return AddressBook(reach, RECEIVER, resolve, own_host="127.0.0.1", own_ports=frozenset({8000, 27017}))


INSIDE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
    "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1",
    "ff02::1", "192.88.99.1", "3fff::1", "5f00::1", "fec0::1", "100::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
    "2002:7f00:1::", "2001:0:7f00:1::", "::7f00:1", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
async def test_an_inside_address_is_refused_as_literal_and_as_the_answer_to_a_name(address: str):
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(BadInput):
        book(Reach.PUBLIC).ensure_allowed(f"https://{host}/")
    with pytest.raises(Forbidden):
        await book(Reach.PUBLIC, address).address_of("t", parse_target("https://hook.example.org/"))


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "::ffff:169.254.169.254"]
)
@pytest.mark.parametrize("reach", list(Reach))
def test_link_local_and_what_names_nobody_is_never_reached(address: str, reach: Reach):
    assert not allows(reach, ip_address(address))


@pytest.mark.parametrize("address", ["100.100.100.200", "::ffff:100.100.100.200", "168.63.129.16", "fd00:ec2::254"])
@pytest.mark.parametrize("reach", list(Reach))
def test_what_a_cloud_tells_its_machines_is_never_reached(address: str, reach: Reach):
    assert not allows(reach, ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1.", "127.0.0.01", "1.2.3.256", "1e3",
     "a..b", "-a.org", "a-.org", "%31%32%37.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "[::1%25eth0]", "[fe80::1%eth0]",
     "", "x" * 64 + ".org", ".".join(["abcdefgh"] * 40)],
)  # fmt: skip
async def test_a_host_spelt_in_any_other_way_is_refused_or_read_as_what_it_is(host: str):
    try:
        target = book(Reach.PUBLIC).ensure_allowed(f"https://{host}/")
    except BadInput:
        return
    assert target.host == "1e3", "a name like any other: what it leads to is looked at when it is resolved"


@pytest.mark.parametrize(
    "url",
    [
        "http://user@example.org/",
        "https://example.org@127.0.0.1/",
        "https://user:secret@example.org/",
        "https://example.org\\@127.0.0.1/",
        "https://example.org/#@127.0.0.1",
        "https:///path",
        "https://",
        "example.org",
        "//example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "ftp://example.org/",
        "javascript:alert(1)",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org:a/",
        "https://exa mple.org/",
        "https://example.org/\r\nHost: other",
        "https://example.org/ä",
        "https://[::1/",
        "https://example.org/" + "a" * 2_000,
    ],
)
def test_what_is_no_address_for_a_webhook(url: str):
    with pytest.raises(BadInput):
        book(Reach.PRIVATE).ensure_allowed(url)


@given(st.text(max_size=80))
def test_whatever_is_given_is_read_or_is_bad_input(text: str):
    try:
        target = parse_target(text)
    except BadInput:
        return
    assert target.url == text
    assert target.path.startswith("/") or target.path.startswith("?")


@given(st.ip_addresses())
def test_in_public_only_what_is_global_is_reached_also_through_ipv6(address: object):
    if allows(Reach.PUBLIC, address):  # type: ignore[arg-type]  # an address
        plain = getattr(address, "ipv4_mapped", None) or address
        assert plain.is_global
        assert not any((plain.is_private, plain.is_loopback, plain.is_link_local, plain.is_multicast))


async def test_one_answer_inside_spoils_all_answers_and_the_checked_address_is_the_one_used():
    target = parse_target("https://hook.example.org/")
    with pytest.raises(Forbidden):
        await book(Reach.PUBLIC, PUBLIC, "127.0.0.1").address_of("t", target)
    assert await book(Reach.PUBLIC, PUBLIC).address_of("t", target) == PUBLIC


async def test_public_addresses_want_https_and_loopback_does_not():
    with pytest.raises(Forbidden, match="https"):
        book(Reach.PUBLIC).ensure_allowed("http://hook.example.org/")
    with pytest.raises(Forbidden, match="https"):
        await book(Reach.LOOPBACK, PUBLIC).address_of("t", parse_target("http://hook.example.org/"))
    allowed = book(Reach.LOOPBACK, "127.0.0.1")
    assert await allowed.address_of("t", allowed.ensure_allowed("http://localhost:9000/hook?a=b")) == "127.0.0.1"
    with pytest.raises(Forbidden):
        await book(Reach.LOOPBACK, "10.0.0.1").address_of("t", parse_target("https://hook.example.org/"))
    assert (
        await book(Reach.PRIVATE, "10.0.0.1").address_of("t", parse_target("https://hook.example.org/")) == "10.0.0.1"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "127.0.0.2"])
@pytest.mark.parametrize("port", [8000, 27017])
async def test_the_sandboxs_own_ports_are_shut_but_for_its_receiver(host: str, port: int):
    shut = book(Reach.PRIVATE, "::1" if ":" in host else "127.0.0.1")
    with pytest.raises(Forbidden, match="own"):
        await shut.address_of("t", shut.ensure_allowed(f"http://{host}:{port}/graphql"))


async def test_the_receiver_is_reached_in_every_reach_and_nothing_that_only_begins_like_it():
    for reach in Reach:
        assert await book(reach, "127.0.0.1").address_of("t", book(reach).ensure_allowed(OWN)) == "127.0.0.1"
    for url in (OWN + "/../../graphql", OWN + "?a", OWN.replace("abcdefgh", "..%2f..%2f"), OWN.upper()):
        with pytest.raises(BadInput):
            book(Reach.LOOPBACK).ensure_allowed(url)


def test_the_receiver_is_reached_where_the_sandbox_listens_whatever_its_public_address(tmp_path: Path):
    environ = {"SANDBOX_PUBLIC_URL": "https://sandbox.example.org", "SANDBOX_HOST": "0.0.0.0", "SANDBOX_PORT": "8080"}
    own = address_book(read_sandbox_settings({"SANDBOX_DATA_DIR": str(tmp_path), **environ}))
    token = f"{new_id(SANDBOX, Kind.PARTICIPANT, datetime.now(UTC))}.{'0' * 40}"
    url = f"https://sandbox.example.org/sandbox/receiver/{token}"
    target = own.ensure_allowed(url)
    assert (target.secure, target.host, target.port, target.url) == (False, "127.0.0.1", 8080, url)
    for other in ("https://sandbox.example.org/graphql", f"http://127.0.0.1:8080/sandbox/receiver/{token}"):
        with pytest.raises(Forbidden):
            own.ensure_allowed(other)


@pytest.mark.parametrize(
    ("environ", "reach"),
    [
        ({}, Reach.LOOPBACK),
        ({"SANDBOX_HOST": "0.0.0.0"}, Reach.PUBLIC),
        ({"SANDBOX_PUBLIC_URL": "https://sandbox.example.org"}, Reach.PUBLIC),
        ({"SANDBOX_HOST": "0.0.0.0", "SANDBOX_WEBHOOK_REACH": "private"}, Reach.PRIVATE),
    ],
)
def test_loopback_is_reached_by_default_only_where_the_sandbox_is_this_machines_alone(
    environ: dict[str, str], reach: Reach, tmp_path: Path
):
    settings: SandboxSettings = read_sandbox_settings({"SANDBOX_DATA_DIR": str(tmp_path), **environ})
    assert settings.reach is reach
