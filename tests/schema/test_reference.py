"""The page for people says what the code does."""

from schema.reference import ACCESS_PAGE, access_page
from service.access import Permission
from service.policy import POLICY
from tests.schema.asking import SCHEMA


def test_the_page_of_who_may_do_what_is_current() -> None:
    assert ACCESS_PAGE.read_text(encoding="utf-8") == access_page(), "run: python -m schema.reference"


def test_the_page_names_every_act_every_permission_and_every_mutation() -> None:
    page = access_page()
    for name in (*POLICY, *Permission):
        assert f"| {name} |" in page
    assert SCHEMA.mutation_type is not None
    for field in SCHEMA.mutation_type.fields:
        assert f"| Mutation.{field} |" in page
