"""One attempt against receivers that behave badly: bounded in time and in what is read, and nothing is followed."""

import asyncio
import re
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sandbox.webhooks.addresses import AddressBook, Reach
from sandbox.webhooks.sending import MOST_BODY, Sender
from tests.databases import free_port
from tests.sandbox.receiving import Answer, babbling, dripping, heading, never, pouring, recording, saying

pytestmark = pytest.mark.wire  # it talks to this machine

DAY = timedelta(days=1)
NO_RECEIVER = re.compile("(?!)")
BODY = b'{"type":"certificate.issued"}'


def sender(seconds: float = 1.0, *answers: str, tls: ssl.SSLContext | None = None) -> Sender:
    async def resolve(tenant_id: str | None, host: str, port: int) -> Sequence[str]:
        return answers or [host]

    return Sender(AddressBook(Reach.LOOPBACK, NO_RECEIVER, resolve), seconds=seconds, tls=tls)


async def test_the_message_arrives_as_it_was_given_and_the_answer_is_kept():
    async with recording(saying(202, "x-mine: yes", body=b"thank you")) as recorder:
        sent = await sender().post("t", recorder.url + "?a=b", {"webhook-id": "m1"}, BODY)
    message = recorder.messages[0]
    assert (message.path, message.body, message.headers["webhook-id"]) == ("/hook?a=b", BODY, "m1")
    assert message.headers["host"] == f"127.0.0.1:{recorder.port}"
    assert sent.answer is not None
    assert (sent.answer.status, sent.answer.body) == (202, b"thank you")
    assert sent.answer.head.startswith("HTTP/1.1 202 Whatever\r\n")
    assert "x-mine: yes" in sent.answer.head
    assert sent.request_head.startswith("POST /hook?a=b HTTP/1.1\r\nHost: 127.0.0.1")


async def test_a_redirect_is_an_answer_and_is_not_followed():
    async with recording() as inner, recording(saying(302, f"location: {inner.url}")) as outer:
        sent = await sender().post("t", outer.url, {}, BODY)
    assert sent.answer is not None
    assert (sent.answer.status, inner.messages) == (302, [])


@pytest.mark.parametrize("answer", [never, dripping])
async def test_whoever_says_nothing_or_drips_is_left_in_time(answer: Answer):
    async with recording(answer) as recorder:
        begun = time.monotonic()
        sent = await sender(0.5).post("t", recorder.url, {}, BODY)
    assert sent.answer is None
    assert sent.problem == "No whole answer came within 0.5 s."
    assert time.monotonic() - begun < 10


async def test_of_a_body_without_end_the_first_4_kib_are_read():
    async with recording(pouring) as recorder:
        sent = await sender(10).post("t", recorder.url, {}, BODY)
    assert sent.answer is not None
    assert (sent.answer.status, len(sent.answer.body)) == (200, MOST_BODY)


@pytest.mark.parametrize("answer", [heading, babbling])
async def test_what_is_no_http_or_a_head_without_end_is_said_to_be_so(answer: Answer):
    async with recording(answer) as recorder:
        sent = await sender(10).post("t", recorder.url, {}, BODY)
    assert (sent.answer, sent.problem) == (None, "What answered was not HTTP, or too long a head.")


async def test_where_nobody_listens_that_is_said():
    sent = await sender().post("t", f"http://127.0.0.1:{free_port()}/", {}, BODY)
    assert sent.answer is None
    assert sent.problem is not None
    assert sent.problem.startswith("There is no connection")


async def test_a_name_that_leads_inside_is_not_connected_to():
    async with recording() as recorder:
        sent = await sender(1, "10.0.0.1").post("t", f"https://hook.example.org:{recorder.port}/", {}, BODY)
        assert sent.problem == "Webhooks are not sent to private, local or reserved addresses from here."
        assert recorder.messages == []


async def test_the_connection_goes_to_the_checked_address_and_the_name_to_the_host_header():
    async with recording() as recorder:
        sent = await sender(1, "127.0.0.1").post("t", f"http://hook.example.org:{recorder.port}/", {}, BODY)
    assert sent.answer is not None
    assert recorder.messages[0].headers["host"] == f"hook.example.org:{recorder.port}"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and self-made certificate of hook.example.org, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook.example.org")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - DAY, now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example.org")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "hook.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem + made.public_bytes(Encoding.PEM))
    return file


async def test_over_tls_the_host_must_be_who_it_says_whatever_address_it_has(certificate: Path):
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with recording(tls=served) as recorder:
        url = f"https://hook.example.org:{recorder.port}/"
        good = await sender(10, "127.0.0.1", tls=trusting).post("t", url, {}, BODY)
        strange = await sender(10, "127.0.0.1").post("t", url, {}, BODY)
        other = await sender(10, "127.0.0.1", tls=trusting).post("t", url.replace("hook", "other"), {}, BODY)
    assert good.answer is not None
    assert good.answer.status == 204
    assert [each.answer for each in (strange, other)] == [None, None]
    assert "self-signed" in str(strange.problem)
    assert "Hostname mismatch" in str(other.problem)
    assert len(recorder.messages) == 1


async def test_many_at_once_do_not_wait_for_a_slow_one():
    async with recording(never) as slow, recording() as quick:
        waiting = asyncio.create_task(sender(30).post("t", slow.url, {}, BODY))
        answers = await asyncio.gather(*(sender(10).post("t", quick.url, {}, BODY) for _ in range(20)))
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert {each.answer.status for each in answers if each.answer} == {204}
    assert len(quick.messages) == 20
