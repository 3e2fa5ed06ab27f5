"""What must not be kept never is: by name, by form, wherever it can stand in a request."""

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import GraphQLError, GraphQLInputObjectType, parse
from hypothesis import example, given
from hypothesis import strategies as st

from sandbox.inspector.bearers import Bearer
from sandbox.inspector.exchange_making import Answered, Seen, made_exchange
from sandbox.inspector.exchanges import Endpoint, Exchange, Protocol
from sandbox.inspector.masking import MASK, Masking, is_private, mask_document
from schema.build import public_schema
from service.http.findings import Findings

AT = datetime(2026, 11, 22, tzinfo=UTC)
PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzYngtb3AifQ.c2lnbmF0dXJl"
TENANT_SECRET = "sbx_secret_" + "Ab1-" * 10 + "xyz"

digits = st.text("0123456789", min_size=8, max_size=8)
telephones = st.one_of(
    digits.map(lambda tail: f"138{tail}"),
    digits.map(lambda tail: f"+86139{tail}"),
    digits.map(lambda tail: f"+86 137 {tail[:4]} {tail[4:]}"),
    digits.map(lambda tail: f"0086-136{tail}"),
    digits.map(lambda tail: f"+44 20 {tail}"),
    digits.map(lambda tail: f"021-{tail}"),
)
secrets = st.one_of(telephones, st.sampled_from([PEM, JWT, TENANT_SECRET, "li.si@broker.example", f"Bearer {JWT}"]))


def exchange_of(**found: Any) -> Exchange:
    answered = Answered(200, Protocol.HTTP, Findings(**found), None)
    seen = Seen(
        id="01K9ZZZZZZZZZZZZZZZZZZZZZZ",
        at=AT,
        endpoint=Endpoint.GRAPHQL,
        method="POST",
        request_id=str(found.get("idempotency_key", "r")),
        authorization="",
        answered=answered,
        milliseconds=1,
    )
    return made_exchange(seen, Bearer("sbx-op-1", "sbx-par-1"), AT)


def kept_of(exchange: Exchange) -> str:
    """All that is kept, as one text in which a secret would be found however it was escaped."""
    plain = json.loads(exchange.variables) if exchange.variables else None
    parts = [exchange.document, plain, exchange.troubles, exchange.operation_name, exchange.idempotency_key]
    return re.sub(r"\s", "", f"{parts}{exchange.request_id}{exchange.variables}").replace("\\n", "")


def traces(secret: str) -> list[str]:
    """What would give a secret away: itself, or any long part of it."""
    plain = re.sub(r"\s", "", secret.removeprefix("Bearer "))
    core = plain.removeprefix("-----BEGINPRIVATEKEY-----").removesuffix("-----ENDPRIVATEKEY-----")
    return [core[start : start + 8] for start in range(0, max(1, len(core) - 7), 4)]


def ensure_nothing_of(secret: str, exchange: Exchange) -> None:
    kept = kept_of(exchange)
    assert exchange.masked
    for trace in traces(secret):
        assert trace not in kept, (trace, kept)


@given(secrets)
def test_a_private_form_is_taken_out_wherever_it_stands(secret: str):
    literal = json.dumps(secret)
    error = {"message": f"Variable '$x' got invalid value {secret!r}; no.", "extensions": {"code": "BAD_USER_INPUT"}}
    for found in (
        {"document": "query ($x: String) { echo(text: $x) }", "variables": {"x": secret}, "errors": [error]},
        {
            "document": "query ($x: T) { echo(in: $x) }",
            "variables": {"x": {"deep": [{"er": secret}]}},
            "errors": [error],
        },
        {"document": f"{{ echo(text: {literal}) }}"},
        {"document": f'{{ echo(text: "call {literal[1:-1]} now") }}', "errors": [error]},
        {"document": f"query ($x: String = {literal}) {{ echo(text: $x) }}"},
        {"document": f"{{ echo(in: {{a: [{{b: {literal}}}]}}) }}"},
        {"document": f"{{ echo(text: {literal} }}", "variables": {"x": "y"}},  # does not parse
        {"document": f"# {secret if secret is not PEM else JWT}\n{{ echo(text: {literal}) }}"},
        {"document": "{ viewer { id } }", "variables": {secret: 1}},
    ):
        ensure_nothing_of(secret if not found["document"].startswith("# ") else JWT, exchange_of(**found))


@given(secrets)
def test_names_keys_and_ids_that_a_client_chooses_lose_it_as_well(secret: str):
    found = {"operation_name": secret, "idempotency_key": secret, "document": "{ echo }", "variables": {"x": secret}}
    ensure_nothing_of(secret, exchange_of(**found))


@given(
    st.sampled_from(["telephone", "name", "email", "password", "clientSecret", "access_token", "mobilePhone"]),
    st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=9, max_size=30),
)
@example("name", "张三丰一二三四五六")
def test_what_stands_under_a_private_name_goes_whatever_it_looks_like(name: str, value: str):
    literal = json.dumps(value, ensure_ascii=False)
    error = {"message": f'String cannot represent "{value}".', "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}
    for found in (
        {"document": f"mutation {{ add(input: {{{name}: {literal}}}) }}", "errors": [error]},
        {"document": "mutation ($i: In!) { add(input: $i) }", "variables": {"i": {name: value}}, "errors": [error]},
        {"document": f"mutation ($v: String!) {{ add(input: {{{name}: $v}}) }}", "variables": {"v": value}},
        {"document": f"mutation ($v: String = {literal}) {{ add({name}: $v) }}"},
        {"document": f"mutation {{ add({name}: [{literal}]) }}"},
        {"document": f"mutation {{ add({name}: {literal} }}"},
    ):
        exchange = exchange_of(**found)
        assert value not in kept_of(exchange)
        assert exchange.masked


def test_a_long_value_that_an_error_quotes_cut_short_leaves_no_part_of_itself():
    value = "".join(chr(0x4E00 + number) for number in range(400))
    quoted = f"'{value[:118]}...{value[-119:]}'"
    errors = [
        {
            "message": f"Variable '$i' got invalid value {quoted}; Expected type.",
            "extensions": {"code": "BAD_USER_INPUT"},
        },
        {"message": f"Expected value of type 'Int', found {quoted}.", "extensions": {"code": "BAD_USER_INPUT"}},
    ]
    exchange = exchange_of(document="{ a(name: $i) }", variables={"i": value}, errors=errors)
    assert not set(value) & set(kept_of(exchange))


def test_a_number_under_a_private_name_goes_too():
    exchange = exchange_of(document="{ add(telephone: 5551234, n: 13812345678) }", variables={"phone": 5551234})
    assert "555" not in kept_of(exchange)
    assert exchange_of(document="{ a }", variables={"n": 13812345678}).variables == f'{{"n":"{MASK}"}}'


def test_the_text_that_people_are_searched_by_goes_and_that_for_articles_stays():
    masked = mask_document('{ operators(filter: {text: "张三"}) { id } article(text: "证书") { id } }')
    assert "张三" not in masked.text
    assert "证书" in masked.text


@pytest.mark.parametrize(
    "plain",
    [
        '{ participant(id: "sbx-par-01K9ZZZZZZZZZZZZZZZZZZZZZZ") { uscc } }',
        '{ certificates(filter: {fingerprint: "13912345678900aa1591234567811bb"}) { nodes { id } } }',
        'mutation { x(input: {uscc: "91350100M000100Y43", on: "2026-11-22", number: 12}) { id } }',
        '{ applications(first: 50, after: "WyJsYXRlc3QiLCJzYngtYXBwLTAxIl0") { nodes { id } } }',
    ],
)
def test_what_is_nobodys_secret_stays_as_it_is(plain: str):
    exchange = exchange_of(document=plain, variables={"uscc": "91350100M000100Y43", "first": 50, "on": True})
    assert exchange.document == plain
    assert not exchange.masked
    assert json.loads(exchange.variables or "") == {"uscc": "91350100M000100Y43", "first": 50, "on": True}


@given(st.text(max_size=200))
def test_masking_takes_any_text_and_what_parsed_still_does(text: str):
    masked = mask_document(text)
    try:
        parse(text)
    except GraphQLError:
        return
    parse(masked.text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=9), json_values, max_size=4))
def test_masking_takes_any_variables(variables: dict[str, Any]):
    masking = Masking()
    masking.document("{ a }")
    assert len(masking.variables(variables)) <= len(variables)
    nested: Any = "deep"
    for _ in range(5_000):
        nested = [nested]
    assert "deep" not in str(masking.variables({"x": nested}))


def test_every_text_that_the_schema_takes_has_been_thought_of():
    """A new input field of text must be put here, or be private by its name."""
    kinds = public_schema()._schema.type_map.values()
    inputs = [each for each in kinds if isinstance(each, GraphQLInputObjectType)]
    fields = {(kind.name, name) for kind in inputs for name, each in kind.fields.items() if "String" in str(each.type)}
    within = {("OperatorFilter", "text"): "filter", ("ParticipantFilter", "text"): "filter"}
    plain = {name for kind, name in fields if not is_private(name, within.get((kind, name), ""))}
    assert plain == PLAIN


@pytest.mark.parametrize("piece", ["a", "0", "a.", "ey", "eyJ-", "a@", "+1 ", "://a", "sbx_secret", '"'])
def test_a_long_text_takes_time_by_its_length_and_not_by_its_square(piece: str) -> None:
    text = piece * (64_000 // len(piece))
    began = time.perf_counter()
    masking = Masking()
    masking.document(text)
    masking.variables({"x": text})
    masking.message(text)
    assert time.perf_counter() - began < 10  # a square took a minute and more


def test_many_private_values_do_not_cost_each_text_of_the_exchange_a_search_of_its_own() -> None:
    masking = Masking(private=frozenset())
    masking.variables({"names": [], "name": [f"{each:05d}" for each in range(30_000)]})
    began = time.perf_counter()
    texts = [masking.text(f"Nobody is called 2{each:04d}.") for each in range(60)]
    assert time.perf_counter() - began < 10  # with a pattern compiled for each value: minutes
    assert set(texts) == {f"Nobody is called {MASK}."}


PLAIN = {
    "applicantUscc",
    "certificate",
    "chain",
    "clearingNumbers",
    "fingerprint",
    "issuer",
    "kind",
    "legalName",
    "legalNameEn",
    "lei",
    "model",
    "note",
    "operatorNumber",
    "participantCode",
    "provision",
    "reason",
    "reference",
    "request",
    "securitiesCodes",
    "serial",
    "serialNumber",
    "sha256",
    "title",
    "tradingUnits",
    "uscc",
}
