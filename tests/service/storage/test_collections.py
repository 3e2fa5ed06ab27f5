"""What holds for every collection of the service, whoever declared it."""

from collections import Counter

import pytest

from service.storage.collections import ALL_COLLECTIONS, WORLD
from service.storage.database import Collection
from service.storage.init import init_database, validator_of
from service.world import World
from tests.databases import NEIGHBOUR

MARKS = {"environment", "binding"}


def test_no_two_collections_of_a_database_have_one_name() -> None:
    names = Counter((each.evidence, each.name) for each in (WORLD, *ALL_COLLECTIONS))
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("declared", ALL_COLLECTIONS, ids=lambda each: each.name)
def test_a_collection_declares_what_it_requires_and_pins_the_marks_of_its_world(declared: Collection) -> None:
    schema = validator_of(declared, NEIGHBOUR)["$jsonSchema"]
    assert set(schema["required"]) <= set(schema["properties"])
    assert schema["additionalProperties"] is False
    assert schema["properties"]["environment"] == {"enum": [NEIGHBOUR.environment.value]}
    assert schema["properties"]["binding"] == {"enum": [NEIGHBOUR.binding]}


@pytest.mark.parametrize("declared", ALL_COLLECTIONS, ids=lambda each: each.name)
def test_an_index_has_a_name_of_its_own_and_fields_that_are_declared(declared: Collection) -> None:
    assert len({index.name for index in declared.indexes}) == len(declared.indexes)
    fields = {field.partition(".")[0] for index in declared.indexes for field, _ in index.keys}
    assert fields <= {"_id", *declared.properties, *MARKS}


@pytest.mark.wire
async def test_all_collections_are_made_once(wire_uri: str, wire_world: World) -> None:
    assert await init_database(wire_uri, wire_world)
    assert await init_database(wire_uri, wire_world) == []
