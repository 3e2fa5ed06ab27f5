"""The one schema of both worlds: its roots are composed here, of the root fields that each noun brings."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import strawberry
from graphql import GraphQLError, GraphQLSchema, build_schema, find_schema_changes
from graphql.utilities import SchemaChange
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from schema.agreements import AgreementQuery
from schema.application_acts import ApplicationMutation
from schema.applications import ApplicationQuery
from schema.calendars import CalendarMutation
from schema.certificate_acts import CertificateMutation
from schema.certificate_search import CertificateQuery
from schema.consents import ConsentMutation
from schema.electronic_keys import ElectronicKeyMutation, ElectronicKeyQuery
from schema.expiry_calendar import ExpiryCalendarQuery
from schema.leaves import note_leaves
from schema.nodes import NodeQuery
from schema.operator_acts import OperatorMutation
from schema.operators import OperatorQuery
from schema.participant_acts import ParticipantMutation
from schema.participants import ParticipantQuery
from schema.platform import PlatformQuery
from schema.proposals import ProposalQuery
from schema.records import RecordQuery
from schema.reminders import ReminderMutation
from schema.resolvers import shorten_resolvers, take_turns
from schema.scalars import SCALARS
from schema.subscriptions import LiveSubscription
from schema.tasks import TaskMutation, TaskQuery
from schema.viewer import ViewerQuery

# A noun adds its part here. No part has a field of another's name: `compose` sees to it.
QUERIES: tuple[type, ...] = (
    ViewerQuery,
    PlatformQuery,
    NodeQuery,
    AgreementQuery,
    ParticipantQuery,
    ApplicationQuery,
    OperatorQuery,
    CertificateQuery,
    ExpiryCalendarQuery,
    ElectronicKeyQuery,
    TaskQuery,
    ProposalQuery,
    RecordQuery,
)
MUTATIONS: tuple[type, ...] = (
    ConsentMutation,
    ApplicationMutation,
    ParticipantMutation,
    OperatorMutation,
    CertificateMutation,
    ReminderMutation,
    ElectronicKeyMutation,
    CalendarMutation,
    TaskMutation,
)
SUBSCRIPTIONS: tuple[type, ...] = (LiveSubscription,)

SDL = Path(__file__).with_name("schema.graphql")
RELEASED = Path(__file__).with_name("released.graphql")


class Schema(strawberry.Schema):
    """strawberry's schema, silent: what went wrong is logged once, where it is masked (`schema.errors`)."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """strawberry logs each client's typing error as an ERROR of the service."""


def compose(name: str, parts: Sequence[type]) -> type | None:
    """One root type that has the fields of all its parts; None of no parts."""
    if not parts:
        return None
    seen: dict[str, type] = {}
    for part in parts:
        for field in part.__strawberry_definition__.fields:  # type: ignore[attr-defined]  # a strawberry type
            if field.python_name in seen:
                raise ValueError(f"{name}.{field.python_name} is in {seen[field.python_name]} and in {part}")
            seen[field.python_name] = part
    return strawberry.type(type(name, tuple(parts), {}), name=name)


def make_schema(queries: Sequence[type], mutations: Sequence[type] = (), subscriptions: Sequence[type] = ()) -> Schema:
    """A schema of these root parts, with this service's scalars and conventions."""
    query = compose("Query", queries)
    if query is None:
        raise ValueError("a schema needs at least one query")
    schema = Schema(
        query=query,
        mutation=compose("Mutation", mutations),
        subscription=compose("Subscription", subscriptions),
        config=StrawberryConfig(auto_camel_case=True, scalar_map=SCALARS),
    )
    core = schema._schema  # noqa: SLF001 - graphql-core's schema, to which strawberry offers no public way
    note_leaves(core)
    shorten_resolvers(core)
    take_turns(core)
    return schema


@lru_cache(maxsize=1)
def public_schema() -> Schema:
    """The schema that both worlds serve. Built once for a process."""
    return make_schema(QUERIES, MUTATIONS, SUBSCRIPTIONS)


def print_sdl(schema: strawberry.Schema) -> str:
    """The SDL as it is committed and served: the same bytes in both worlds."""
    return schema.as_str().rstrip() + "\n"


def find_breaking_changes(released: str, current: str) -> list[SchemaChange]:
    """What a client of the `released` SDL could trip over in the `current` one."""
    changes = find_schema_changes(_built(released), _built(current))
    return [change for change in changes if type(change).__name__ == "BreakingChange"]


def _built(sdl: str) -> GraphQLSchema:
    return build_schema(sdl)


if __name__ == "__main__":
    SDL.write_text(print_sdl(public_schema()), encoding="utf-8")
