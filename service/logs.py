"""Logs: one JSON line for each event, with the request it belongs to and never a payload, a header or a secret.

What must not be logged is not given to the logger; what slips through is cut here: the deployment's own secrets by
their value, and by their form connection strings with a password, tokens, and private keys.
"""

import logging
import re
import traceback
from base64 import b64encode
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
from pydantic import SecretBytes, SecretStr

from service.settings import Settings
from service.world import World

REDACTED = "[redacted]"
LONGEST_TEXT = 4_000  # characters of an event or of one field; the frames of an exception may be more
PRIVATE_NAMES = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|authorization|cookie|assertion|(^|_)(private_?)?key$|uri$|payload|body$"
    r"|headers?$|query|variables|phone|mobile|contact",
    re.IGNORECASE,
)
PRIVATE_FORMS = re.compile(
    r"(?<=://)[^/\s@]+@"  # user and password in an address
    r"|\b(?:Bearer|Basic)\s+[\w.~+/=-]+"  # an Authorization header, RFC 6750
    r"|\beyJ[\w-]{8,}(?:\.[\w-]*){0,4}"  # a JWS, JWE or JWT in compact form, RFC 7515, 7516, or its beginning
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",  # RFC 7468
    re.DOTALL,
)
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}
# These write what is sent and received when they are asked for much: what they say is capped for good.
CAPPED = ("pymongo", "motor", "websockets", "httpx", "httpcore", "asyncio", "multipart")


@dataclass(slots=True)
class RequestFacts:
    """What is known of the request being served. The face fills in what it learns; the access log writes it."""

    id: str
    caller: str | None = None
    operation: str | None = None
    cost: int | None = None
    outcome: str | None = None


current_request: ContextVar[RequestFacts | None] = ContextVar("current_request", default=None)


def secrets_in(settings: Settings) -> tuple[str, ...]:
    """Every form in which the secrets of these settings might turn up in a text, the longest first."""
    found = set[str]()
    for field in type(settings).model_fields:
        value = getattr(settings, field)
        if isinstance(value, SecretBytes):
            found |= {value.get_secret_value().hex(), _base64(value), repr(value.get_secret_value())[2:-1]}
        elif isinstance(value, SecretStr):
            found |= {value.get_secret_value(), *_password(value.get_secret_value())}
    return tuple(sorted((each for each in found if len(each) >= 4), key=len, reverse=True))


def _base64(value: SecretBytes) -> str:
    return b64encode(value.get_secret_value()).decode()


def _password(uri: str) -> Iterable[str]:
    try:
        password = urlsplit(uri).password or ""
    except ValueError:
        return ()
    return (password, unquote(password))


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON. Whatever a record holds, it neither fails nor spans two lines."""

    def __init__(self, world: str, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._world = world
        self._secrets = re.compile("|".join(map(re.escape, secrets))) if secrets else None

    def format(self, record: logging.LogRecord) -> str:
        facts = current_request.get()
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": self._clean(_message(record), LONGEST_TEXT),
            "world": self._world,
        }
        if facts is not None:
            line["request"] = facts.id
        for name, value in vars(record).items():
            if name not in STANDARD and name not in line and value is not None:
                line[name] = self._field(name, value)
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self._clean("".join(traceback.format_exception(*record.exc_info)), 8 * LONGEST_TEXT)
        return orjson.dumps(line, option=orjson.OPT_NON_STR_KEYS).decode()

    def _field(self, name: str, value: object) -> object:
        if PRIVATE_NAMES.search(name):
            return REDACTED
        if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**53):
            return value
        return self._clean(_text(value), LONGEST_TEXT)

    def _clean(self, text: str, longest: int) -> str:
        if self._secrets is not None:
            text = self._secrets.sub(REDACTED, text)
        text = PRIVATE_FORMS.sub(REDACTED, text)
        return text[:longest].encode("utf-8", "replace").decode()


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # a mistaken format string must not cost the event
        return _text(record.msg)


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # nor a mistaken __str__
        return f"<{type(value).__name__}>"


def log_config(settings: Settings, world: World) -> dict[str, Any]:
    """The configuration for `logging.config.dictConfig`: all loggers to standard error, through one formatter."""
    level = settings.log_level.upper()
    capped = {name: {"level": "ERROR" if level == "ERROR" else "WARNING"} for name in CAPPED}
    own = {name: {"level": level, "handlers": [], "propagate": True} for name in ("uvicorn", "uvicorn.error")}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "service.logs.JsonFormatter", "world": world.name, "secrets": secrets_in(settings)}
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {**capped, **own, "uvicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False}},
    }
