"""Logging in as a persona: inside the service, or over HTTP as any participant's software does."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from sandbox.personas.credentials import Credential
from sandbox.world import SANDBOX
from service.bootstrap import Services
from service.clock import Clock
from service.http.tokens import ASSERTION_TYPE, GRANT
from service.tokens import TOKEN_PATH, AccessToken

METADATA_PATH = "/.well-known/oauth-authorization-server"
DEFAULT_ADDRESS = "http://127.0.0.1:8000"
SECONDS = 10.0
LONGEST_ANSWER = 65_536  # bytes


class NoLogin(Exception):
    """Why there is no token, as a sentence."""


async def log_in(services: Services, credential: Credential) -> AccessToken:
    """Raises AssertionRefused."""
    return await services.tokens.login(credential.assertion(services.tokens.endpoint, services.clock.now()))


@contextmanager
def address_file(directory: Path, address: str) -> Iterator[None]:
    """Where the sandbox of this directory answers, for the command line beside it, while it does."""
    file = directory / "address"
    file.write_text(address)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def find_address(directory: Path) -> str:
    """That of the running sandbox; else where one is by default."""
    try:
        return (directory / "address").read_text().strip() or DEFAULT_ADDRESS
    except OSError:
        return DEFAULT_ADDRESS


def fetch_token(address: str, credential: Credential, clock: Clock) -> str:
    """Log in at the sandbox at `address`. Raises NoLogin with a sentence: not there, another world, or its refusal."""
    if urlsplit(address).scheme not in {"http", "https"}:
        raise NoLogin(f"{address!a} is no address such as {DEFAULT_ADDRESS}.")
    address = address.rstrip("/")
    metadata = _ask(address, METADATA_PATH)
    if metadata.get("environment") != SANDBOX.environment.value:
        raise NoLogin(f"{address} is not {SANDBOX.environment.value}: personas log in nowhere else (art. 17).")
    form = {
        "grant_type": GRANT,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": credential.assertion(str(metadata.get("token_endpoint")), clock.now()),
    }
    return str(_ask(address, TOKEN_PATH, urlencode(form).encode())["access_token"])


def _ask(address: str, path: str, form: bytes | None = None) -> Mapping[str, Any]:
    request = Request(address + path, form)  # noqa: S310 - the scheme was looked at
    opener = build_opener(ProxyHandler({}))  # a proxy for the world outside does not reach this machine
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            return _read(answer.read(LONGEST_ANSWER))
    except HTTPError as error:
        with error:
            said = _read(error.read(LONGEST_ANSWER))
        reason = said.get("error_description") or error.reason
        raise NoLogin(f"The login is refused ({error.code} {said.get('error', '')}): {reason}") from None
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise NoLogin(f"No sandbox answers at {address} ({reason}): start it with `prop-sandbox serve`.") from None


def _read(body: bytes) -> Mapping[str, Any]:
    """Empty for what is no JSON object."""
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
