"""Talking to a sandbox from the command line: joining it, and its control endpoint."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from sandbox.logins import DEFAULT_ADDRESS
from sandbox.tenants.join_routes import CONTROL_PATH, JOIN_PATH

SECONDS = 60.0
LONGEST_ANSWER = 4 * 1024 * 1024


class SandboxSaidNo(Exception):
    """Why there is no answer to work with, as a sentence."""


class TenantClient:
    """A sandbox at `url`, with a tenant's secret where there is one. Raises SandboxSaidNo."""

    def __init__(self, url: str, secret: str | None = None) -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise SandboxSaidNo(f"{url!a} is no address such as {DEFAULT_ADDRESS}.")
        self._url = url.rstrip("/")
        self._secret = secret

    def join(self, given: Mapping[str, object]) -> dict[str, Any]:
        return self._post(JOIN_PATH, given)

    def control(self, query: str, **variables: object) -> dict[str, Any]:
        """The data of an operation at the control endpoint."""
        answer = self._post(CONTROL_PATH, {"query": query, "variables": variables})
        if answer.get("errors"):
            raise SandboxSaidNo(_sentence(answer))
        return dict(answer["data"])

    def fetch(self, path: str) -> bytes:
        """What lies there, as it is."""
        return self._ask(path, None, {})

    def _post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        return _parsed(self._ask(path, json.dumps(body).encode(), {"Content-Type": "application/json"}))

    def _ask(self, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        if self._secret:
            headers["Authorization"] = f"Bearer {self._secret}"
        request = Request(self._url + path, body, headers)  # noqa: S310 - the scheme was looked at
        opener = build_opener(ProxyHandler({}))  # a proxy for the world outside does not reach this machine
        try:
            with opener.open(request, timeout=SECONDS) as answer:
                return _whole(answer.read(LONGEST_ANSWER + 1))
        except HTTPError as error:
            with error:
                raise SandboxSaidNo(_sentence(_parsed(error.read(LONGEST_ANSWER)), error.code)) from None
        except (URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise SandboxSaidNo(
                f"No sandbox answers at {self._url} ({reason}): start it with `prop-sandbox serve`."
            ) from None


def _whole(body: bytes) -> bytes:
    if len(body) > LONGEST_ANSWER:
        raise SandboxSaidNo(f"The answer is longer than {LONGEST_ANSWER // 1024**2} MiB: ask for less at once.")
    return body


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise SandboxSaidNo("What answers there is no sandbox.")
    return said


def _sentence(answer: Mapping[str, Any], status: int | None = None) -> str:
    errors = answer.get("errors") or [{"message": "no reason was given"}]
    reasons = "; ".join(str(each.get("message", each)) for each in errors)
    return f"The sandbox says no{f' ({status})' if status else ''}: {reasons}"
