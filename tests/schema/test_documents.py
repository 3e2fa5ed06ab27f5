"""Documents by name: sent once and named by their hash, or registered beforehand."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from schema.documents import KEPT_TEXTS, LARGEST_KEPT, TOKEN_BYTES, DocumentRefused, Documents
from schema.limits import Limits
from tests.schema.making import HELLO, make_app, make_trial_schema, open_client


def persisted(query: str) -> dict[str, object]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}}


async def test_a_query_is_sent_once_and_named_by_its_hash_afterwards(client: httpx.AsyncClient) -> None:
    query = HELLO["query"]
    unknown = (await client.post("/graphql", json={"extensions": persisted(query)})).json()
    assert unknown["errors"][0]["message"] == "PersistedQueryNotFound"
    assert unknown["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    await client.post("/graphql", json={"query": query, "extensions": persisted(query)})
    named = (await client.post("/graphql", json={"extensions": persisted(query)})).json()
    assert named["data"] == {"echo": "hello"}


async def test_a_hash_of_another_query_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={**HELLO, "extensions": persisted("{ leaf { name } }")})
    assert response.status_code == 400


@pytest.mark.parametrize("digest", ["é" * 64, "g" * 64, "İ" * 32, "a" * 63, "a" * 64 + "\n", "٣" * 64])
async def test_a_hash_is_64_hexadecimal_digits(client: httpx.AsyncClient, digest: str) -> None:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    for body in ({**HELLO, "extensions": extensions}, {"extensions": extensions}):
        response = await client.post("/graphql", json=body)
        assert response.status_code == 400
        assert "hexadecimal" in response.json()["errors"][0]["message"]


async def test_nobody_puts_a_document_under_the_hash_of_another(client: httpx.AsyncClient) -> None:
    """Who sends the hash alone runs what it hashed, whatever anybody else has sent before."""
    theirs, mine = '{ echo(text: "theirs") }', '{ echo(text: "mine") }'
    await client.post("/graphql", json={"query": theirs, "extensions": persisted(theirs)})
    named = hashlib.sha256(theirs.encode()).hexdigest()
    answer = await client.post("/graphql", json={"documentId": named, "extensions": persisted(mine)})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
    unknown = (await client.post("/graphql", json={"extensions": persisted(mine)})).json()
    assert unknown["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


def test_a_text_is_remembered_under_its_own_hash_alone() -> None:
    documents = Documents(make_trial_schema(), Limits())
    documents.remember("{ a }", persisted("{ b }"))
    with pytest.raises(DocumentRefused):
        documents.source(None, None, persisted("{ b }"))
    documents.remember("{ b }", persisted("{ b }"))
    assert documents.source(None, None, persisted("{ b }")) == "{ b }"


def test_a_long_comment_weighs_what_it_takes() -> None:
    documents = Documents(make_trial_schema(), Limits())
    prepared = documents.prepared("{ __typename } # " + "\N{GRINNING FACE}" * 15_000, introspection=True)
    assert prepared.weight >= 15_000 * 4 // TOKEN_BYTES
    assert documents.prepared("{ __typename }", introspection=True).weight == 3


def test_named_texts_are_kept_up_to_a_number_of_bytes() -> None:
    documents = Documents(make_trial_schema(), Limits())
    for number in range(300):
        text = f"{number:03} #".ljust(LARGEST_KEPT, "\N{GRINNING FACE}")
        documents.remember(text, persisted(text))
    assert 0 < len(documents._named) <= KEPT_TEXTS // (4 * LARGEST_KEPT)


async def test_an_invalid_query_is_not_remembered(client: httpx.AsyncClient) -> None:
    await client.post("/graphql", json={"query": "{ nowhere }", "extensions": persisted("{ nowhere }")})
    answer = (await client.post("/graphql", json={"extensions": persisted("{ nowhere }")})).json()
    assert answer["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    registered = tmp_path / "documents.json"
    registered.write_text(json.dumps({"hello": HELLO["query"]}))
    async with open_client(make_app(trusted_documents=registered, trusted_documents_only=True)) as client:
        yield client


async def test_registered_documents_run_by_their_id(strict: httpx.AsyncClient) -> None:
    assert (await strict.post("/graphql", json={"documentId": "hello"})).json()["data"] == {"echo": "hello"}
    assert (await strict.get("/graphql", params={"documentId": "hello"})).json()["data"] == {"echo": "hello"}


async def test_where_only_registered_documents_run_others_are_refused(strict: httpx.AsyncClient) -> None:
    other = '{ echo(text: "other") }'
    for body in ({"query": other}, {"query": other, "extensions": persisted(other)}):
        answer = (await strict.post("/graphql", json=body)).json()
        assert answer["errors"][0]["extensions"]["code"] == "TRUSTED_DOCUMENT_REQUIRED"
    for body in ({"extensions": persisted(other)}, {"documentId": "nobody"}):
        answer = (await strict.post("/graphql", json=body)).json()
        assert answer["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert (await strict.post("/graphql", json=HELLO)).json()["data"] == {"echo": "hello"}  # its text is registered
