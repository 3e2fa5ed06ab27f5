"""Logs: one line of JSON for each event, whatever is logged, and no secret in any of them."""

import logging
import logging.config

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.logs import REDACTED, JsonFormatter, RequestFacts, current_request, log_config, secrets_in
from service.world import PRODUCTION
from tests.settings import GOOD, make_settings

SETTINGS = make_settings()
FORMATTER = JsonFormatter(PRODUCTION.name, secrets_in(SETTINGS))
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJsaXZlLW9wLTAxIn0.c2lnbmF0dXJl"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04f\n-----END EC PRIVATE KEY-----"
SECRETS = {
    "hunter2-secret": GOOD["PROP_MONGO_URI"],
    GOOD["PROP_DATA_KEY"]: GOOD["PROP_DATA_KEY"],
    bytes(range(32)).hex(): f"key={bytes(range(32)).hex()}",
    "c2lnbmF0dXJl": f"Authorization: Bearer {TOKEN}",
    "opaque-token": "authorization=Bearer opaque-token",
    "MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04f": PEM,
    "s3cret": "amqp://user:s3cret@queue/x",
}


def record(message: object, *args: object, error: BaseException | None = None, **fields: object) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("prop.test", logging.INFO, __file__, 1, message, args, info)
    vars(made).update(fields)
    return made


@pytest.mark.parametrize(("secret", "carrier"), SECRETS.items())
def test_a_secret_is_cut_wherever_it_is_put(secret: str, carrier: str):
    try:
        raise ValueError(carrier)
    except ValueError as error:
        records = [
            record(carrier),
            record("said %s", carrier),
            record("said %r", {"nested": [carrier]}),
            record("event", note=carrier),
            record("event", note={"deep": (carrier,)}),
            record("failed", error=error),
        ]
    for each in records:
        line = FORMATTER.format(each)
        assert secret not in line
        assert REDACTED in line


PRIVATE = (
    *("password", "access_token", "Authorization", "cookie", "client_assertion", "data_key", "mongo_uri"),
    *("query", "variables", "headers", "body", "phone", "contact"),
)


@pytest.mark.parametrize("name", PRIVATE)
def test_a_field_with_the_name_of_a_secret_or_payload_is_never_written(name: str):
    assert "value-of-it" not in FORMATTER.format(record("event", **{name: "value-of-it"}))


def test_a_line_says_when_where_what_and_for_which_request():
    token = current_request.set(RequestFacts("request-1234"))
    try:
        line = orjson.loads(FORMATTER.format(record("published", number=1, ms=2.5, nothing=None)))
    finally:
        current_request.reset(token)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info", "logger": "prop.test", "event": "published", "world": "production",
        "request": "request-1234", "number": 1, "ms": 2.5,
    }  # fmt: skip


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError


@given(
    st.text() | st.just("%d %s"),
    st.lists(st.integers() | st.text() | st.floats() | st.builds(Unspeakable), max_size=3),
    st.dictionaries(
        st.text(min_size=1), st.text() | st.integers() | st.floats() | st.binary() | st.builds(Unspeakable)
    ),
)
def test_whatever_is_logged_becomes_one_line_of_json(message: str, args: list[object], fields: dict[str, object]):
    made = record(message, *args)
    vars(made).update({name: value for name, value in fields.items() if name not in vars(made)})
    line = FORMATTER.format(made)
    assert "\n" not in line
    assert isinstance(orjson.loads(line), dict)


def test_the_configuration_sends_all_loggers_through_the_formatter_and_caps_the_talkative(
    capfd: pytest.CaptureFixture[str],
):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logging.config.dictConfig(log_config(SETTINGS.model_copy(update={"log_level": "debug"}), PRODUCTION))
        logging.getLogger("pymongo.command").debug("command with a document")
        logging.getLogger("uvicorn.access").info("GET /?token=1")
        logging.getLogger("uvicorn.error").info("connected to %s", GOOD["PROP_MONGO_URI"])
        logging.getLogger("prop.any").debug("seen")
    finally:
        root.handlers[:], root.level = handlers, level
    lines = [orjson.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["logger"] for line in lines] == ["uvicorn.error", "prop.any"]
